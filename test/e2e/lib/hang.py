# SPDX-License-Identifier: Apache-2.0
"""A file system whose server never answers: whoever opens something on it waits until that server ends."""

import sys

HANG = """
import ctypes, os, time
fd = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0OTHERS".encode()
assert libc.mount(b"hang", b"FOLDER", b"fuse", 0, options) == 0, os.strerror(ctypes.get_errno())
print("hangs", flush=True)
time.sleep(600)
"""


def hang_at(host, folder, others=True):
    """From now on nothing in this folder answers; .kill() and umount end it. Unless `others`, that is so for root; who
    is not has no permission."""
    program = HANG.replace("FOLDER", folder).replace("OTHERS", ",allow_other" if others else "")
    hang = host.popen([sys.executable, "-B", "-c", program], "hang")
    hang.wait_log("^hangs$", 20)
    return hang
