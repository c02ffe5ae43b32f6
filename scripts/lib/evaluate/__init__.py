# SPDX-License-Identifier: BSD-3-Clause
"""scripts/evaluate: what is measured, the records, and the report."""
