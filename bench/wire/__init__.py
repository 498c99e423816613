# SPDX-License-Identifier: Apache-2.0
"""What the wire costs, and how a storage agent serves many."""
