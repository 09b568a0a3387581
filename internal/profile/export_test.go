package profile

// Parse is what Read does with a file's text.
var Parse = parse
