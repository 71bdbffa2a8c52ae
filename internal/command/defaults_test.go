package command

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"tillstream/internal/fx"
	"tillstream/internal/store"
)

// What `tillstream defaults` prints is, given back as a file, what is used without one.
func TestDefaultsAreWhatIsUsedWithoutAFile(t *testing.T) {
	file := func(name string) string {
		var out bytes.Buffer
		app := App()
		app.Writer = &out
		if err := app.RunContext(t.Context(), []string{"tillstream", "defaults", name}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name+".csv")
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rates, err := fx.Load(file("fx"))
	if err != nil || !reflect.DeepEqual(rates, fx.Default()) {
		t.Errorf("the rates are others: %v", err)
	}
	stores, err := store.Load(file("stores"))
	if err != nil || !reflect.DeepEqual(stores, store.Default()) {
		t.Errorf("the stores are others: %v", err)
	}
}
