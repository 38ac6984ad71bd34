"""What every room shares: errors, the plug-in catalog, columns, prepared data, records, seeds, files.

Nothing here imports torch or Ray.
"""
