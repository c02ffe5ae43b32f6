# SPDX-License-Identifier: BSD-3-Clause
"""outsockd alone, as tests start it that need neither namespace nor hugepage."""

import json
import os
import subprocess
import threading

DEADLINE = 60  # seconds for anything at all to happen
CONFIG = """\
[dataplane]
memory = 128M
control = {dir}/control.sock
state = {dir}/state
hugepages = no
control-cpu = {control}
{dataplane}
[lcore 0]
cpu = {cpu}
packets = {packets}
connections = 1024
"""


class Daemon:
    """outsockd, whose log a thread keeps; it is killed when something never comes."""

    def __init__(self, outsockd, outsockctl, folder, config, packets=8192, control="auto",
                 dataplane=""):
        path = os.path.join(folder, "outsockd.conf")
        cpu = min(os.sched_getaffinity(0))
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=folder, cpu=cpu, packets=packets,
                                     control=control.format(cpu=cpu), dataplane=dataplane) +
                       config.format(dir=folder))
        self.outsockctl, self.folder = outsockctl, folder
        self.process = subprocess.Popen([outsockd, "--config", path], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.log, self.more = [], threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for text in self.process.stdout:
            with self.more:
                self.log.append(text)
                self.more.notify_all()

    def line(self, words):
        """Waits for a line of the log with these words."""
        with self.more:
            if not self.more.wait_for(lambda: self.lines(words) or not self.reader.is_alive(),
                                      DEADLINE) or not self.lines(words):
                raise AssertionError(f"no '{words}' in the log:\n{''.join(self.log)}")

    def lines(self, words):
        return [text for text in self.log if words in text]

    def try_ctl(self, *words):
        return subprocess.run([self.outsockctl, "--socket", self.folder + "/control.sock", "--json",
                               *words], capture_output=True, text=True, check=False)

    def ctl(self, *words):
        done = self.try_ctl(*words)
        assert done.returncode == 0, f"outsockctl {words}: {done.stderr}\n{''.join(self.log)}"
        return json.loads(done.stdout)

    def status(self):
        """Waits until it has ended by itself."""
        status = self.process.wait(DEADLINE)
        self.reader.join()
        return status

    def kill(self):
        self.process.kill()
        return self.status()

    def end(self):
        """Its clean end."""
        self.process.terminate()
        status = self.status()
        assert status == 0, f"status {status}:\n{''.join(self.log)}"
