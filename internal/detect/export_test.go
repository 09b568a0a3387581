package detect

// Profiles and Lookup show the tests the table and the search in it.
var (
	Profiles = profiles
	Lookup   = lookup
)

// HasAlphabet says whether texts can point to a script.
func HasAlphabet(script string) bool {
	name := groupOf(script)
	for _, a := range alphabets {
		if a.group == name {
			return true
		}
	}
	return false
}
