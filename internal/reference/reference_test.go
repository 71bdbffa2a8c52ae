package reference

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errOdd = errors.New("it is odd")

// Columns come in any order and with others, as Excel saves them: with a byte order
// mark and CR LF.
func TestRead(t *testing.T) {
	var got []string
	err := Read(strings.NewReader("\ufeffCity, ID ,Note\r\nWien,7,x\r\n\r\n\"Bonn, \"\"West\"\"\", 8 ,\r\n"), []string{"ID", "City"}, func(r Row) error {
		got = append(got, r.Field("ID")+"|"+r.Field("City")+"|"+r.Field("Country"))
		return nil
	})
	if err != nil || strings.Join(got, "\n") != "7|Wien|\n8|Bonn, \"West\"|" {
		t.Errorf("got %q, %v", got, err)
	}
}

// An error names the line, counted as an editor does, and what is wrong there.
func TestReadErrors(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", "it is empty; the first line must name the columns, such as ID,City"},
		{"7,Wien\n", `no column "ID" among ["7" "Wien"]`},
		{"ID;City\n7;Wien\n", `no column "ID"`},
		{"ID\n7\n", `no column "City"`},
		{"ID,City\n\n7,Wien\n8,odd\n", "line 4: it is odd"},
		{"ID,City\n7\n", "line 2"},
		{"ID,City\n7,Wien,x\n", "line 2"},
		{"ID,City\n\n7,\"Wien\n", "line 3"},
	} {
		err := Read(strings.NewReader(c.file), []string{"ID", "City"}, func(r Row) error {
			if r.Field("City") == "odd" {
				return errOdd
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q", c.file, err, c.want)
		}
	}
}

// An error names the file.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "places.csv")
	load := func(path string) error {
		_, err := Load("the places file", path, func(r io.Reader) (int, error) {
			return 0, Read(r, []string{"ID"}, func(Row) error { return errOdd })
		})
		return err
	}
	for _, missing := range []string{path, dir} {
		if err := load(missing); err == nil || !strings.Contains(err.Error(), "the places file") || !strings.Contains(err.Error(), missing) {
			t.Errorf("the error does not name %s: %v", missing, err)
		}
	}
	if err := os.WriteFile(path, []byte("ID\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := load(path); !errors.Is(err, errOdd) || !strings.Contains(err.Error(), path+": line 2: ") {
		t.Errorf("the error does not name file and line: %v", err)
	}
}
