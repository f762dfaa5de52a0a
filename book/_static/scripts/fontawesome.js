// Empty on purpose. It stands in for a file of the theme, 1.5 MB of icons that the theme's web font
// draws as well.
