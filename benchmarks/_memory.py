"""How much memory this process held at most."""

import threading

import psutil


class Peak(threading.Thread):
    """The most memory this process held while it ran, looked at fifty times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.process, self.ended = psutil.Process(), threading.Event()
        self.most = self.process.memory_info().rss

    def run(self) -> None:
        while not self.ended.wait(0.02):
            self.most = max(self.most, self.process.memory_info().rss)
