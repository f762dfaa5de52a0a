"""What a cell may display: text in Markdown or HTML."""


class Markdown:
    kind = "text/markdown"

    def __init__(self, data):
        self.data = data


class HTML(Markdown):
    kind = "text/html"


def display(*things):
    import live

    for thing in things:
        live.show(thing)
