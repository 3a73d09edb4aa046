"""A blast's report as people file it: PDF, CSV and JSON, all views of one document and its two snapshots (page 4).

Pure: the same document, snapshots and time zone give the same bytes, whenever and wherever they are made.
"""
