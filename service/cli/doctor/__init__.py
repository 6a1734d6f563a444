"""``ollama-recorder doctor``: what is there, what is wrong, and what to do about it.

One module looks at one thing and returns findings; nothing here changes anything. ``checkup`` asks them all and shows
what they found.
"""
