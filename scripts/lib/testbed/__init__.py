# SPDX-License-Identifier: BSD-3-Clause
"""The outsock laboratory: namespaces, daemon and QEMU guests. Start reading at cli.py."""
