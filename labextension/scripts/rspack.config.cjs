/**
 * What `jupyter-builder` should do differently: keep small what JupyterLab loads before anybody opens a desktop.
 *
 * Every package that we take from JupyterLab is one of its singletons, and none is bundled. The runtime that the bundler
 * puts into `remoteEntry.js` also knows ranges of versions, strictness and fallbacks, which is most of its 14 KB. This
 * takes the one version that JupyterLab has loaded, as that runtime does for singletons.
 */
const { Buffer } = require('node:buffer');

const NAME = 'SmallSharing';

/** Read what the bundler wrote down of the packages, and make sure that the short way is right for each. */
function readConsumes(source) {
  const data = /__webpack_require__\.consumesLoadingData = (\{.*\});/.exec(source)?.[1];
  if (!data) {
    throw new Error(`${NAME}: the runtime of the bundler has changed`);
  }
  const { chunkMapping, moduleIdToConsumeDataMapping, initialConsumes } = new Function(`return ${data}`)();
  const packages = Object.entries(moduleIdToConsumeDataMapping).map(([id, one]) => {
    if (!one.singleton || one.strictVersion || one.eager || one.fallback || one.shareScope !== 'default') {
      throw new Error(`${NAME}: ${one.shareKey} is not a singleton that JupyterLab provides`);
    }
    return [id, one.shareKey];
  });
  if (initialConsumes.length > 0) {
    throw new Error(`${NAME}: a package is consumed before there are any`);
  }
  return { chunks: chunkMapping, packages: Object.fromEntries(packages) };
}

/** The runtime in its place. The version that is in use comes before the newest. */
const runtime = ({ chunks, packages }) => `
const chunks = ${JSON.stringify(chunks)}, packages = ${JSON.stringify(packages)}, asked = {};
const take = async id => {
  await __webpack_require__.I('default');
  const name = packages[id], found = Object.entries(__webpack_require__.S.default[name] ?? {});
  if (!found.length) {
    throw Error('JupyterLab does not provide ' + name);
  }
  const rank = (one, other) =>
    !!other[1].loaded - !!one[1].loaded || other[0].localeCompare(one[0], 'en', { numeric: true });
  const best = found.sort(rank)[0][1];
  best.loaded = 1;
  const factory = await best.get();
  __webpack_require__.m[id] = module => {
    delete __webpack_require__.c[id];
    module.exports = factory();
  };
};
__webpack_require__.f.consumes = (chunk, promises) =>
  chunks[chunk]?.forEach(id =>
    promises.push((asked[id] ??= take(id).catch(error => { delete asked[id]; throw error; })))
  );
`;

class SmallSharing {
  apply(compiler) {
    compiler.hooks.thisCompilation.tap(NAME, compilation =>
      compilation.hooks.runtimeModule.tap(NAME, ({ name, source }) => {
        if (name === 'consumes_loading') {
          source.source = Buffer.from(runtime(readConsumes(source.source.toString())));
        }
      })
    );
  }
}

module.exports = {
  // The hash in the name says which version it is; the query alone makes Jupyter's server allow to keep it.
  output: { hashDigestLength: 8, chunkFilename: '[id].[contenthash].js?v=1' },
  plugins: [new SmallSharing()]
};
