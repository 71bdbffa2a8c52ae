package sale

import (
	"errors"
	"strings"
	"testing"
)

// decodeBoth decodes a message by the quick way and by the JSON library.
func decodeBoth(t *testing.T, message []byte) (quick bool) {
	t.Helper()
	var plain, library Row
	clock, quick := decodePlain(message, &plain)
	wantClock, err := NewDecoder().decodeJSON(message, &library)
	if !quick {
		return false
	}
	if err != nil {
		t.Fatalf("%q: decodePlain takes %q, the library says %v", message, plain, err)
	}
	if plain != library || clock != wantClock {
		t.Fatalf("%q: decodePlain reads %q and %q, the library %q and %q", message, plain, clock, library, wantClock)
	}
	return true
}

// What decodePlain takes, it reads as the JSON library does, and it takes the
// messages that matter.
func TestDecodePlainTakesTheUsual(t *testing.T) {
	for _, message := range []string{string(usualMessage()), predecessors, `{"":""}`, `{"Line":"1", "Line":"2","Time":"x"}`} {
		if !decodeBoth(t, []byte(message)) {
			t.Errorf("decodePlain leaves %s to the library", message)
		}
	}
}

func TestDecodePlainLeavesTheRestToTheLibrary(t *testing.T) {
	for _, message := range []string{"", "{", "}", "{}", `{"}`, `{""}`, `{"":}`, `{"":"}`, `{"":"",}`, `{"":"" }`, `{"Line":1}`, `{"Line"}`,
		`{ "Line":"1"}`, `{"Line":"1"}}`, `{"Line":"1"} `, `{"Line":"\n"}`, "{\"Line\":\"\n\"}", "{\"Line\":\"\xff\"}", `{"Line":null}`,
		`{"Line":"1","Size":"}`, `{"Line":"1"x"Size":"M"}`, `{"Invoice ID"}`, `{"Invoice ID":}`, `{"Invoice ID": }`} {
		if decodeBoth(t, []byte(message)) {
			t.Errorf("decodePlain takes %s", message)
		}
	}
}

// Each kind of byte is seen at each place of a word, whatever stands beside it.
func TestIsPlain(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			for _, around := range []string{" ", "}", "[", "]", "\x7f", "é"} {
				text := []byte(strings.Repeat(around, 19))[:19]
				if around == "é" {
					text[18] = 'e'
				}
				text = append(append(append([]byte{}, text[:at&^1]...), byte(c)), text[at&^1:]...)
				want := c >= ' ' && c != '\\' && c < 0x80
				if got := isPlain(text); got != want {
					t.Fatalf("%q: %v", text, got)
				}
			}
		}
	}
}

// FuzzDecodePlain is the proof that the quick way changes nothing: the same row
// or the same rejection.
func FuzzDecodePlain(f *testing.F) {
	f.Add(usualMessage())
	f.Add([]byte(predecessors))
	f.Add([]byte(`{"Color":"é", "Line":"1","Line":"2","Time":"12:00"}`))
	decoder := NewDecoder()
	f.Fuzz(func(t *testing.T, message []byte) {
		decodeBoth(t, message)
		var row, want Row
		err := decoder.Decode(message, &row)
		clock, wantErr := NewDecoder().decodeJSON(message, &want)
		var got, expected *Reject
		if errors.As(err, &got) != errors.As(wantErr, &expected) || got != nil && *got != *expected {
			t.Fatalf("Decode says %v, the library %v", err, wantErr)
		}
		if err == nil {
			if want.complete(clock); row != want {
				t.Fatalf("Decode reads %q, the library %q", row, want)
			}
		}
	})
}
