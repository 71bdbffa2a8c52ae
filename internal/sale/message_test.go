package sale

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeTakesWhatProducersSend(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    Row
	}{
		"strings":                {`{"Invoice ID":"INV-1","Line":"2"}`, Row{InvoiceID: "INV-1", LineNumber: "2"}},
		"numbers":                {`{"Line":2,"Line Total":-12.50,"Quantity":1.0,"Discount":0}`, Row{LineNumber: "2", LineTotal: "-12.50", Quantity: "1.0", Discount: "0"}},
		"null is empty":          {`{"Size":null,"Color":"RED"}`, Row{Color: "RED"}},
		"an empty message":       {`{}`, Row{}},
		"whitespace":             {" {\n\t\"Line\" :\r \"1\" ,  \"Size\":\"M\" }\n", Row{LineNumber: "1", Size: "M"}},
		"any order":              {`{"Invoice Total":"9","SKU":"FE","Invoice ID":"x"}`, Row{InvoiceID: "x", SKU: "FE", InvoiceTotal: "9"}},
		"the last of a key wins": {`{"Line":"1","Line":"2"}`, Row{LineNumber: "2"}},
		"also where it is empty": {`{"Line":"1","Line":""}`, Row{}},
		"also where it is null":  {`{"Line":"1","Line":null}`, Row{}},

		"unknown keys":               {`{"":"","Note":"x","Line":"1","line":"9"}`, Row{LineNumber: "1"}},
		"nested in unknown keys":     {`{"":["a",{"Line":"7"}],"x":{"Line":"8"},"y":true,"Line":"1"}`, Row{LineNumber: "1"}},
		"DictReader's restkey":       {`{"Line": "1", "null": ["", ""]}`, Row{LineNumber: "1"}},
		"Time is joined":             {`{"Date":"2025-03-14","Time":"15:42:00"}`, Row{Date: "2025-03-14 15:42:00"}},
		"Time before Date":           {`{"Time":"15:42:00","Date":"2025-03-14"}`, Row{Date: "2025-03-14 15:42:00"}},
		"Time beside a whole Date":   {`{"Date":"2025-03-14 15:42:00","Time":"09:00:00"}`, Row{Date: "2025-03-14 15:42:00"}},
		"Time beside an ISO Date":    {`{"Date":"2025-03-14T15:42:00","Time":"09:00:00"}`, Row{Date: "2025-03-14T15:42:00"}},
		"Time alone":                 {`{"Date":"","Time":"15:42:00"}`, Row{}},
		"an empty Time":              {`{"Date":"2025-03-14","Time":""}`, Row{Date: "2025-03-14"}},
		"a missing Currency Symbol":  {`{"Currency":"CNY"}`, Row{Currency: "CNY", CurrencySymbol: "¥"}},
		"an empty Currency Symbol":   {`{"Currency":"GBP","Currency Symbol":""}`, Row{Currency: "GBP", CurrencySymbol: "£"}},
		"another Currency Symbol":    {`{"Currency":"EUR","Currency Symbol":"EUR"}`, Row{Currency: "EUR", CurrencySymbol: "EUR"}},
		"the sign of an unknown one": {`{"Currency":"CHF"}`, Row{Currency: "CHF"}},

		"escapes":                 {`{"Color":"caf\u00e9 \"x\" \\ \/ \b\f\n\r\t"}`, Row{Color: "café \"x\" \\ / \b\f\n\r\t"}},
		"escapes in keys":         {`{"\u0043olor":"RED"}`, Row{Color: "RED"}},
		"a surrogate pair":        {`{"Color":"\ud83d\ude00"}`, Row{Color: "😀"}},
		"text beyond ASCII":       {`{"Color":"红色","Currency Symbol":"€"}`, Row{Color: "红色", CurrencySymbol: "€"}},
		"a DEL, which JSON takes": {"{\"Color\":\"\x7f\"}", Row{Color: "\x7f"}},
	} {
		t.Run(name, func(t *testing.T) {
			var row Row
			row[Size] = "left over" // Decode must not leave it
			if err := NewDecoder().Decode([]byte(c.message), &row); err != nil {
				t.Fatal(err)
			}
			if row != c.want {
				t.Errorf("got %q, want %q", row, c.want)
			}
		})
	}
}

func TestDecodeRejects(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    Reason
	}{
		"nothing":                  {"", NotJSON},
		"whitespace":               {"  \n", NotJSON},
		"text":                     {"INV-1,2,3", NotJSON},
		"an array":                 {`["Line","1"]`, NotJSON},
		"a string":                 {`"Line"`, NotJSON},
		"a number":                 {`12`, NotJSON},
		"null":                     {`null`, NotJSON},
		"an object in a column":    {`{"Line":{"a":"b"}}`, NotJSON},
		"an array in a column":     {`{"Line":["1"]}`, NotJSON},
		"true in a column":         {`{"Line":true}`, NotJSON},
		"an object in Time":        {`{"Time":{}}`, NotJSON},
		"NaN, as Python writes it": {`{"Line Total":NaN}`, NotJSON},
		"Infinity":                 {`{"Line Total":-Infinity}`, NotJSON},
		"single quotes":            {`{'Line':'1'}`, NotJSON},
		"a bare key":               {`{Line:"1"}`, NotJSON},
		"a key that is a number":   {`{1:"1"}`, NotJSON},
		"a trailing comma":         {`{"Line":"1",}`, NotJSON},
		"a leading comma":          {`{,"Line":"1"}`, NotJSON},
		"two commas":               {`{"Line":"1",,"Size":"M"}`, NotJSON},
		"no comma":                 {`{"Line":"1" "Size":"M"}`, NotJSON},
		"no colon":                 {`{"Line" "1"}`, NotJSON},
		"no value":                 {`{"Line":}`, NotJSON},
		"only a key":               {`{"Line"}`, NotJSON},
		"a second object":          {`{"Line":"1"}{"Line":"2"}`, NotJSON},
		"trailing text":            {`{"Line":"1"} x`, NotJSON},
		"a trailing brace":         {`{"Line":"1"}}`, NotJSON},
		"a trailing NUL":           {"{\"Line\":\"1\"}\x00", NotJSON},
		"a byte order mark":        {"\ufeff{\"Line\":\"1\"}", NotJSON},
		"a comment":                {`{"Line":"1"/* one */}`, NotJSON},
		"invalid UTF-8":            {"{\"Color\":\"\xff\"}", NotJSON},
		"UTF-8 cut short":          {"{\"Color\":\"\xe2\x82\"}", NotJSON},
		"an encoded surrogate":     {"{\"Color\":\"\xed\xa0\x80\"}", NotJSON},
		"invalid UTF-8 elsewhere":  {"{\"\xff\":\"\",\"Line\":\"1\"}", NotJSON},
		"a lone high surrogate":    {`{"Color":"\ud83d"}`, NotJSON},
		"a lone low surrogate":     {`{"Color":"\ude00"}`, NotJSON},
		"an unknown escape":        {`{"Color":"\x41"}`, NotJSON},
		"a raw line break":         {"{\"Color\":\"a\nb\"}", NotJSON},
		"a raw NUL":                {"{\"Color\":\"a\x00b\"}", NotJSON},
		"an escaped NUL":           {`{"Color":"a\u0000b"}`, BadText},
	} {
		t.Run(name, func(t *testing.T) {
			var row Row
			if got := reasonOf(t, NewDecoder().Decode([]byte(c.message), &row)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A message that was cut is never taken for a shorter one.
func TestDecodeRejectsAMessageCutAtEveryByte(t *testing.T) {
	decoder := NewDecoder()
	for _, message := range []string{string(usualMessage()), predecessors, `{"Color":"caf\u00e9","":[{"a":1}],"Line":2} `} {
		whole := len(strings.TrimSpace(message))
		for n := range whole {
			var row Row
			if got := reasonOf(t, decoder.Decode([]byte(message[:n]), &row)); got != NotJSON {
				t.Fatalf("%q: got %q", message[:n], got)
			}
		}
	}
}

// What a decoder met before does not matter to what it reads next.
func TestDecodeAfterARejection(t *testing.T) {
	decoder := NewDecoder()
	for _, broken := range []string{"", "{", `{"Line":[[[`, "[]", `{"Line":"\ud800"}`, "{}{}"} {
		var row Row
		if reasonOf(t, decoder.Decode([]byte(broken), &row)) == "" {
			t.Fatalf("%q was taken", broken)
		}
		if err := decoder.Decode([]byte(`{"Line": 1}`), &row); err != nil || row != (Row{LineNumber: "1"}) {
			t.Fatalf("after %q: %q, %v", broken, row, err)
		}
	}
}

// Nothing that can be sent exhausts the stack.
func TestDecodeOfDeepNesting(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		message := `{"x":` + strings.Repeat(open, 1_000_000)
		var row Row
		if got := reasonOf(t, NewDecoder().Decode([]byte(message), &row)); got != NotJSON {
			t.Errorf("%s...: got %q", open, got)
		}
	}
}

// A huge value is read all the same: judging its length is Read's job.
func TestDecodeOfAHugeMessage(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	var row Row
	if err := NewDecoder().Decode([]byte(`{"x":"`+long+`","Color":"`+long+`"}`), &row); err != nil || row != (Row{Color: long}) {
		t.Errorf("got %.20q of %d bytes, %v", row[Color], len(row[Color]), err)
	}
	if got := reasonOf(t, reader.Read(with(Color, long), recorded, new(Line))); got != BadText {
		t.Errorf("Read takes it: %q", got)
	}
}

// The row shares the message's memory, so reading does not change it.
func TestDecodeLeavesTheMessageAlone(t *testing.T) {
	for _, message := range []string{string(usualMessage()), predecessors, `{"Color":"\u00e9", "x":[1], "Line":2}`, `{"Line":`} {
		value := append(make([]byte, 0, len(message)+64), message...)
		var row Row
		_ = NewDecoder().Decode(value, &row) // either way
		if string(value) != message || !bytes.Equal(value[len(value):cap(value)], make([]byte, cap(value)-len(value))) {
			t.Errorf("%q became %q", message, value)
		}
	}
}

// The predecessor is Python, whose json.dumps writes ASCII with a space after
// each colon and comma.
func TestDecodeOfPythonsDumps(t *testing.T) {
	var row Row
	message := `{"Color": "caf\u00e9 \ud83d\ude00", "Currency Symbol": "\u20ac", "SKU": "a\"b\\c"}`
	if err := NewDecoder().Decode([]byte(message), &row); err != nil || row != (Row{Color: "café 😀", CurrencySymbol: "€", SKU: `a"b\c`}) {
		t.Errorf("got %q, %v", row, err)
	}
	if err := NewDecoder().Decode([]byte(predecessors), &row); err != nil {
		t.Fatal(err)
	}
	want := Row{"INV-US-002-02091574", "2", "103340", "16991", "M", "BLACK", "44.5", "1", "2025-03-14 15:42:07", "0",
		"44.5", "2", "24", "USD", "$", "MASW16991-M-BLACK", "Sale", "Credit Card", "60.42"}
	if row != want {
		t.Errorf("got %q", row)
	}
}

// AppendMessage writes JSON as others understand it: the 19 names, all strings.
func TestAppendMessageIsJSONOfStrings(t *testing.T) {
	row := with(Color, "a\"b\\c\n\u2028<é>😀\x7f")
	message, err := AppendMessage([]byte("before"), row)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(message[len("before"):], &got); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	if len(got) != NumColumns {
		t.Errorf("there are %d keys", len(got))
	}
	for i, name := range Columns {
		if got[name] != row[i] {
			t.Errorf("%s is %q, want %q", name, got[name], row[i])
		}
	}
}

func TestAppendMessageRefusesWhatIsNotUTF8(t *testing.T) {
	if _, err := AppendMessage(nil, with(Color, "M\xfcnchen")); err == nil {
		t.Error("it was taken")
	}
}

func FuzzMessageRoundTrip(f *testing.F) {
	f.Add(strings.Join(good[:], "\n"))
	f.Add("a\"b\\c\n\ud7ff\u2028€\U0010ffff\n\t\r")
	decoder := NewDecoder()
	f.Fuzz(func(t *testing.T, text string) {
		var row Row
		for i, part := range strings.SplitN(text, "\n", NumColumns) {
			row[i] = part
		}
		message, err := AppendMessage(nil, &row)
		if (err == nil) != utf8.ValidString(text) {
			t.Fatalf("appending %q: %v", row, err)
		}
		if err != nil {
			return
		}
		var got Row
		err = decoder.Decode(message, &got)
		if strings.Contains(text, "\x00") {
			if reasonOf(t, err) != BadText {
				t.Fatalf("a NUL was taken: %q", got)
			}
			return
		}
		want := row
		want.complete("")
		if err != nil || got != want {
			t.Fatalf("sent %q, got %q, %v", want, got, err)
		}
	})
}

// FuzzDecode wants a row of good text, or a rejection.
func FuzzDecode(f *testing.F) {
	f.Add(usualMessage())
	f.Add([]byte(predecessors))
	f.Add([]byte(`{"Line": 1e3, "x": [{"y": null}], "Color": "\u00e9\ud83d\ude00", "Line": null}`))
	decoder := NewDecoder()
	f.Fuzz(func(t *testing.T, message []byte) {
		before := bytes.Clone(message)
		var row Row
		err := decoder.Decode(message, &row)
		if !bytes.Equal(before, message) {
			t.Fatalf("the message was changed")
		}
		if reasonOf(t, err) != "" {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(message, &object); err != nil {
			t.Fatalf("encoding/json refuses what was taken: %v", err)
		}
		for i, text := range row {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
				t.Fatalf("%s is %q", Columns[i], text)
			}
			switch value := object[Columns[i]].(type) {
			case string:
				if text != value && Column(i) != Date && Column(i) != CurrencySymbol {
					t.Fatalf("%s is %q, encoding/json says %q", Columns[i], text, value)
				}
			case float64:
				var number float64
				if err := json.Unmarshal([]byte(text), &number); (err != nil || number != value) && Column(i) != Date {
					t.Fatalf("%s is %q, encoding/json says %v", Columns[i], text, fmt.Sprint(value))
				}
			}
		}
	})
}
