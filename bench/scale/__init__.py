# SPDX-License-Identifier: Apache-2.0
"""How the cost and the memory of ebb grow: with device, volume and points."""
