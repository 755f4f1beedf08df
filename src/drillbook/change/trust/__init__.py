"""The trusted base: its pin, its people's keys, who may do what, and what moves it forward."""
