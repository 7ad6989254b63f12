"""Pictures as values: which one it is shows in its address."""

from jupyter_vnc.model.pictures import Picture


def test_another_picture_has_another_version():
    picture = Picture("image/png", b"one")
    assert picture.version == Picture("image/png", b"one").version
    assert picture.version != Picture("image/png", b"two").version
    assert picture.version.isalnum(), "it is a part of an address as it is"


def test_the_data_do_not_show_in_a_log():
    assert "one" not in repr(Picture("image/png", b"one"))
