"""What Windows does not have."""

# Modules of Python's standard library.
MODULES = {"curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
# Functions of the module os.
FUNCTIONS = ["chown", "chroot", "fork", "forkpty", "geteuid", "getpgid", "killpg", "mkfifo", "openpty", "setsid"]

# The code of this repository.
OWN = ("hooks", "template_code", "tests", "tools")
# The warnings that are errors, as pytest reads them. Other packages may do as they like; what template_code runs
# speaks the encoding of the machine, and test_portability.py checks the rest of it.
WARNINGS = "error\nignore::EncodingWarning\nerror::EncodingWarning:(tests|tools)\\b"
