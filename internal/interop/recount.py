"""Count what live CSVs hold, from outside and with none of tillstream's code.

Prints one JSON object. Ends with 1 and a message if a file is torn, has another
header than the 19 published columns, or holds a line of sale twice; then nothing
it says about totals could be trusted. The rules are those of the data set's
README: the identity of a line is its invoice and line number; its revenue is
Line Total in its own currency, converted at fixed rates and rounded half-even to
six decimals, line by line; a return is a refund.
"""

import argparse
import csv
import decimal
import json
import re
import sys
from collections import defaultdict
from decimal import Decimal

COLUMNS = [
    "Invoice ID", "Line", "Customer ID", "Product ID", "Size", "Color",
    "Unit Price", "Quantity", "Date", "Discount", "Line Total", "Store ID",
    "Employee ID", "Currency", "Currency Symbol", "SKU", "Transaction Type",
    "Payment Method", "Invoice Total",
]  # fmt: skip

# The cashier's file that the original replays: no Currency Symbol, a Time, and
# a comma at the end of every row.
SOURCE_COLUMNS = [
    "Invoice ID", "Line", "Customer ID", "Product ID", "Size", "Color",
    "Unit Price", "Quantity", "Date", "Time", "Discount", "Line Total", "Store ID",
    "Employee ID", "Currency", "SKU", "Transaction Type", "Payment Method",
    "Invoice Total", "",
]  # fmt: skip

# Units per US dollar.
RATES = {"USD": Decimal("1"), "EUR": Decimal("0.92"), "CNY": Decimal("6.45"), "GBP": Decimal("0.82")}

MICRO = Decimal("0.000001")
CENT = Decimal("0.01")

INVOICE = re.compile(r"(?:INV|RET)-([A-Z]{2})-.+")
NUMBER = re.compile(r"[0-9]+")
AMOUNT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")


class Wrong(Exception):
    """The file is not what it has to be."""


class Totals:
    """Sums over lines, in the order and with the names of the JSON object."""

    def __init__(self) -> None:
        self.rows = self.returns = self.items_sold = self.items_returned = 0
        self.sales = self.refunds = Decimal(0)

    def add(self, kind: str, quantity: int, usd: Decimal) -> None:
        self.rows += 1
        if kind == "Return":
            self.returns += 1
            self.items_returned += quantity
            self.refunds -= usd
        else:
            self.items_sold += quantity
            self.sales += usd

    def report(self) -> dict:
        net = self.sales - self.refunds
        cents = {
            name: str(usd.quantize(CENT, decimal.ROUND_HALF_EVEN))
            for name, usd in (("sales_usd", self.sales), ("refunds_usd", self.refunds), ("net_usd", net))
        }
        return {
            "rows": self.rows,
            "returns": self.returns,
            "items_sold": self.items_sold,
            "items_returned": self.items_returned,
            **cents,
            # For an exact comparison: the sum of micro-dollars, not rounded again.
            "net_micro_usd": int(net.scaleb(6)),
        }


class Recount:
    def __init__(self, source: bool, repeats: bool, months: bool = False) -> None:
        self.columns = SOURCE_COLUMNS if source else COLUMNS
        self.source = source
        self.repeats_allowed = repeats
        self.months_wanted = months
        self.seen: dict[tuple[str, str], int] = {}  # identity -> number of the last file with it
        self.invoices: set[str] = set()
        self.repeats = 0
        self.all = Totals()
        self.countries: defaultdict[str, Totals] = defaultdict(Totals)
        self.months: defaultdict[str, Totals] = defaultdict(Totals)  # by country and month: "DE 2023-01"

    def file(self, number: int, path: str) -> None:
        with open(path, "rb") as raw:
            if raw.seek(0, 2) == 0:
                raise Wrong("is empty; it has no header")
            raw.seek(-1, 2)
            if raw.read(1) != b"\n":
                raise Wrong("is torn: its last row has no line end")
        with open(path, newline="", encoding="utf-8") as lines:
            rows = csv.reader(lines, strict=True)
            header = next(rows)
            if header != self.columns:
                raise Wrong(f"has the header {header}, want {self.columns}")
            for row in rows:
                try:
                    self.row(number, row)
                except Wrong as wrong:
                    raise Wrong(f"line {rows.line_num} {wrong}: {row}") from None

    def row(self, number: int, row: list[str]) -> None:
        if len(row) != len(self.columns):
            raise Wrong(f"is torn: it has {len(row)} fields, not {len(self.columns)}")
        if any("\0" in field for field in row):  # what a power loss leaves of unwritten blocks
            raise Wrong("is torn: it holds NUL bytes")
        line = dict(zip(self.columns, row))
        invoice = INVOICE.fullmatch(line["Invoice ID"])
        if not invoice:
            raise Wrong("has no invoice number")
        for column, form in (("Line", NUMBER), ("Quantity", NUMBER), ("Line Total", AMOUNT)):
            if not form.fullmatch(line[column]):
                raise Wrong(f"has {line[column]!r} for its {column}")
        if not self.source and not DATE.fullmatch(line["Date"]):
            raise Wrong(f"has {line['Date']!r} for its Date")
        if line["Currency"] not in RATES:
            raise Wrong(f"has {line['Currency']!r} for its Currency")
        if line["Transaction Type"] not in ("Sale", "Return"):
            raise Wrong(f"has {line['Transaction Type']!r} for its Transaction Type")

        # "01" and "1" are the same line.
        identity = (line["Invoice ID"], str(int(line["Line"])))
        last = self.seen.get(identity)
        self.seen[identity] = number
        if last == number:
            raise Wrong("is there twice")
        if last is not None:
            if not self.repeats_allowed:
                raise Wrong("is in another file as well")
            self.repeats += 1
            return

        self.invoices.add(line["Invoice ID"])
        usd = (Decimal(line["Line Total"]) / RATES[line["Currency"]]).quantize(MICRO, decimal.ROUND_HALF_EVEN)
        code = invoice[1]
        country = "GB" if code == "UK" else code
        counted = [self.all, self.countries[country]]
        if self.months_wanted:
            counted.append(self.months[country + " " + line["Date"][:7]])
        for totals in counted:
            totals.add(line["Transaction Type"], int(line["Quantity"]), usd)

    def report(self) -> dict:
        return {
            **self.all.report(),
            "invoices": len(self.invoices),
            "repeats": self.repeats,
            "countries": {name: totals.report() for name, totals in sorted(self.countries.items())},
            "months": {name: totals.report() for name, totals in sorted(self.months.items())},
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--source", action="store_true", help="the files have the cashier's header, not the published one")
    parser.add_argument("--months", action="store_true", help="count by country and month as well, of files that have dates")
    parser.add_argument(
        "--repeats-across-files",
        action="store_true",
        help="count a line that is in two files once, and say how many such there are (twice in one file stays an error)",
    )
    args = parser.parse_args()

    # Wide enough that the division's own rounding cannot turn into a tie, which
    # the one rounding that counts would then take for exact.
    decimal.getcontext().prec = 50
    recount = Recount(args.source, args.repeats_across_files, args.months)
    for number, path in enumerate(args.files):
        try:
            recount.file(number, path)
        except (Wrong, OSError, UnicodeDecodeError, csv.Error) as error:
            print(f"{path} {error}", file=sys.stderr)
            return 1
    print(json.dumps(recount.report(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
