package config

import "github.com/caarlos0/env/v11"

// ReadNames returns the variables that Load has a field for.
func ReadNames() ([]string, error) {
	params, err := env.GetFieldParams(&variables{})
	names := make([]string, 0, len(params))
	for _, p := range params {
		names = append(names, p.Key)
	}
	return names, err
}
