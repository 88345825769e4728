"""The lists of the depth CR family, printed without data."""

import pytest

from carpus.cli import main
from carpus.nets.depth_cr import COMPOSITIONS


def test_models_are_listed_in_the_published_form(capsys):
    main(["models"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Currently implemented model list:"
    assert len(lines) == 29 == len(COMPOSITIONS) + 1
    assert lines[1] == "super_edt3  -->  model.super_edt3 :  EDT3"
    assert lines[19] == "base_conv3_inres  -->  model.base_inres :  3D CR w/ inception-resnet"
    assert lines[-1] == "localizer2  -->  model.localizer2 :  2D localizer"


def test_needs_of_a_model_and_the_graph_are_printed(capsys):
    main(["prereq", "super_edt2m"])
    line = capsys.readouterr().out
    assert line.startswith("Prepared dependency for super_edt2m: {'annotation', 'clean_128', ")
    main(["deps", "hands17"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Data dependency hierarchy for hands17:"
    assert "ov3edt2m  -->  ['ov3edt2', 'ov3dist2']" in lines


@pytest.mark.parametrize(("command", "name"), [("prereq", "super_edt2n"), ("deps", "hands71")])
def test_an_unknown_name_is_answered_with_the_nearest(capsys, command, name):
    with pytest.raises(SystemExit) as ended:
        main([command, name])
    assert ended.value.code == 1
    assert "did you mean" in capsys.readouterr().err
