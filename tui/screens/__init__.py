"""The screens: the dashboard itself, its dialogs and lists."""
