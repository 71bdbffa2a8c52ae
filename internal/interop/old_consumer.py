"""Write sales from Kafka to a CSV the way the predecessor's consumer does.

Its csv.DictWriter knows the 19 published columns; a message with any other key
raises ValueError. That is the point: what it takes, the predecessor takes.
"""

import argparse
import csv
import json
import sys
import time

from kafka import KafkaConsumer

COLUMNS = [
    "Invoice ID", "Line", "Customer ID", "Product ID", "Size", "Color",
    "Unit Price", "Quantity", "Date", "Discount", "Line Total", "Store ID",
    "Employee ID", "Currency", "Currency Symbol", "SKU", "Transaction Type",
    "Payment Method", "Invoice Total",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True, help="host:port[,host:port...]")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--out", required=True, help="the CSV to write")
    parser.add_argument("--count", type=int, required=True, help="stop after so many")
    parser.add_argument("--timeout", type=float, default=30, help="seconds for all of it")
    parser.add_argument("--group", help="consumer group; without one, all partitions")
    args = parser.parse_args()

    consumer = KafkaConsumer(
        args.topic,
        bootstrap_servers=args.brokers.split(","),
        group_id=args.group,
        auto_offset_reset="earliest",
        value_deserializer=lambda value: json.loads(value.decode("utf-8")),
    )
    deadline = time.monotonic() + args.timeout
    count = 0
    with open(args.out, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, fieldnames=COLUMNS)
        writer.writeheader()
        while count < args.count and time.monotonic() < deadline:
            for messages in consumer.poll(timeout_ms=200).values():
                for message in messages[: args.count - count]:
                    writer.writerow(message.value)
                    count += 1
    consumer.close()
    print(count)
    if count < args.count:
        print(f"only {count} of {args.count} messages within {args.timeout:g} s", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
