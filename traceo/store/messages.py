"""Protobuf messages from a few lines of their definition, for what is read or written in Python."""

import re
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

MESSAGE = re.compile(r"message (\w+) \{(.*?)\}", re.DOTALL)
FIELD = re.compile(r"(repeated |optional )?(\w+) (\w+) = (\d+);")
SHORT_VARINTS = [bytes([number]) for number in range(128)]


def make_messages(definitions: str) -> dict[str, Any]:
    """Classes by name, of proto3 messages with fields of numbers, texts and each other; without nesting and `oneof`."""
    file = FileDescriptorProto(name="messages.proto", syntax="proto3")
    found = MESSAGE.findall(definitions)
    for name, fields in found:
        message = file.message_type.add(name=name)
        for modifier, kind, field_name, number in FIELD.findall(fields):
            field = message.field.add(name=field_name, number=int(number))
            is_list = modifier.startswith("repeated")
            field.label = FieldDescriptorProto.LABEL_REPEATED if is_list else FieldDescriptorProto.LABEL_OPTIONAL
            if modifier.startswith("optional"):
                field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field_name}")
            if kind[0].isupper():
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{kind}"
            else:
                field.type = getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(name)) for name, _ in found}


def encode_varint(number: int) -> bytes:
    """A number from 0 to 2^64 - 1 as a base-128 varint."""
    if number < len(SHORT_VARINTS):
        return SHORT_VARINTS[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
