"""``ollama-recorder doctor``: what is there, what is wrong, and what to do about it.

One module looks at one thing and returns what it finds; nothing here changes anything. ``checkup`` starts them all and
shows what they return.
"""
