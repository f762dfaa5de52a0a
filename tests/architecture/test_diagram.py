"""The diagram of the rooms in CONTRIBUTING.md is the one that the contracts describe."""

from tools.draw_rooms import PAGE, diagram, draw, drawn, layers


def test_diagram_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert drawn(page) == diagram(), "run: python tools/draw_rooms.py"


def test_diagram_has_every_room_once_and_a_floor_for_each_layer():
    for package, rooms in layers().items():
        picture = draw(package, rooms)
        words = picture.replace("│", " ").split()
        for layer in rooms:
            for room in layer:
                assert words.count(room) == 1
        assert picture.count("├") == len(rooms) - 1


def test_layers_are_drawn_from_top_to_bottom():
    picture = draw("house", [["attic"], ["kitchen", "hall"]])
    assert picture == (
        "house\n"
        "┌──────────────────┐\n"
        "│ attic            │\n"
        "├──────────────────┤\n"
        "│ kitchen  hall    │\n"
        "└──────────────────┘\n"
    )
