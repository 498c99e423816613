# SPDX-License-Identifier: Apache-2.0
"""ebb beside the tools that people use today; run.sh starts it, peers.py tells the story."""
