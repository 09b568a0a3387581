package embedding

// Identity is what makes two vectors comparable: the model, and what stood
// around the text. It is recorded with every index.
type Identity struct {
	Model                      string
	Dimensions                 int // 0: not known yet
	QueryPrefix, PassagePrefix string
	QueryBody, PassageBody     string // JSON objects with sorted keys; empty: none
}
