# SPDX-License-Identifier: BSD-3-Clause
"""The deterministic laboratory: a host under QEMU's instruction counter. Start at main.py."""
