"""The explorer on a page: Bokeh's figures, Panel's widgets. Nothing is computed here."""
