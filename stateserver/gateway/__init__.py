"""What people and programs see: a read model of the topics, served over HTTP and WebSocket, and the page.

It only reads: nothing here can make a blasting system do anything (spec page 1).
"""
