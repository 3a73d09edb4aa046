"""What makes a PDF one for the archive (PDF/A-2u): metadata, what its colours mean, streams that end as they should."""

import struct
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFDocument, PDFName, PDFStream, PDFString, PDFZCompress

from stateserver.reports.times import EPOCH

LATEST_S: Final = 253_402_300_799  # the last second of the year 9999, which is as far as dates go
_END: Final = b"endstream\n"


class Description(NamedTuple):
    """What a document says of itself; `at` in ms since 1970, `id` in hex."""

    title: str
    subject: str
    keywords: str
    author: str
    creator: str
    producer: str
    at: int
    id: str


class _ClosedStream(PDFStream):  # type: ignore[misc]
    """A stream with a line end behind its content, without which an archive takes it for damaged."""

    def format(self, document: PDFDocument) -> bytes:
        written: bytes = super().format(document)
        return written.removesuffix(_END) + b"\n" + _END


class ArchivedDocument(PDFDocument):  # type: ignore[misc]
    """A document of a canvas, all of whose streams end as they should."""

    def Reference(self, object: Any, name: str | None = None, **more: Any) -> Any:  # noqa: N802, A002
        """As any document does, once a stream is one of ours."""
        if type(object) is PDFStream:
            object.__class__ = _ClosedStream
        return super().Reference(object, name, **more)

    def identify(self, name: str) -> None:
        """Give it an id, in hex, in place of one made of what was drawn."""
        self._ID = f"\n[<{name}><{name}>]\n".encode()

    def addForm(self, name: str, form: Any) -> Any:  # noqa: N802
        """As any document does, with its stream made here."""
        form.Contents = _ClosedStream(content=form.stream)
        return super().addForm(name, form)


def pdf_date(at: int) -> str:
    """An instant, in ms since 1970, as PDF writes it; a wrong clock's as far as PDF can."""
    return EPOCH.fromtimestamp(min(at // 1000, LATEST_S), EPOCH.tzinfo).strftime("D:%Y%m%d%H%M%SZ")


def _xml_date(at: int) -> str:
    return EPOCH.fromtimestamp(min(at // 1000, LATEST_S), EPOCH.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe(canvas: Any, told: Description) -> None:
    """Give a canvas' document its description, twice as the standard wants it, and say what its colours mean."""
    canvas.setTitle(told.title)
    canvas.setAuthor(told.author)
    canvas.setCreator(told.creator)
    canvas.setProducer(told.producer)
    canvas.setSubject(told.subject)
    canvas.setKeywords(told.keywords)
    date = pdf_date(told.at)
    canvas.setDateFormatter(lambda *_: date)
    document = canvas.document
    document.identify(told.id)
    metadata = PDFStream(content=_xmp(told).encode(), filters=[])
    metadata.dictionary["Type"] = PDFName("Metadata")
    metadata.dictionary["Subtype"] = PDFName("XML")
    catalog = document.Catalog
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents"]
    catalog.__Refs__ = catalog.__NoDefault__
    catalog.Metadata = metadata
    catalog.OutputIntents = PDFArray([_output_intent(document)])


def _output_intent(document: PDFDocument) -> PDFDictionary:
    profile = PDFStream(content=srgb_profile(), filters=[PDFZCompress])
    profile.dictionary["N"] = 3
    return PDFDictionary(
        {
            "Type": PDFName("OutputIntent"),
            "S": PDFName("GTS_PDFA1"),
            "OutputConditionIdentifier": PDFString("sRGB IEC61966-2.1"),
            "Info": PDFString("sRGB IEC61966-2.1"),
            "DestOutputProfile": document.Reference(profile),
        }
    )


_XMP: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>2</pdfaid:part>
<pdfaid:conformance>U</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<pdf:Keywords>{keywords}</pdf:Keywords>
<pdf:Producer>{producer}</pdf:Producer>
<xmp:CreatorTool>{creator}</xmp:CreatorTool>
<xmp:CreateDate>{date}</xmp:CreateDate>
<xmp:ModifyDate>{date}</xmp:ModifyDate>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def _xmp(told: Description) -> str:
    texts = {name: escape(value) for name, value in told._asdict().items() if isinstance(value, str)}
    return _XMP.format(**texts, date=_xml_date(told.at))


def srgb_profile() -> bytes:
    """An ICC profile of sRGB (IEC 61966-2-1), version 4: its primaries for D50, its white point, its curve."""
    curve = b"para\0\0\0\0\0\3\0\0" + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    primaries = {
        "rXYZ": (0.43607, 0.22249, 0.01392),
        "gXYZ": (0.38515, 0.71687, 0.09708),
        "bXYZ": (0.14307, 0.06061, 0.71410),
        "wtpt": (0.96420, 1.0, 0.82491),
    }
    tags = {"desc": _text("sRGB"), "cprt": _text("Public domain")}
    tags |= {name: b"XYZ \0\0\0\0" + _fixed(*xyz) for name, xyz in primaries.items()}
    tags |= dict.fromkeys(("rTRC", "gTRC", "bTRC"), curve)
    table, data, offset = b"", b"", 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, content in tags.items():
        if content not in places:
            places[content] = offset + len(data)
            data += content + b"\0" * (-len(content) % 4)
        table += struct.pack(">4sII", name.encode("ascii"), places[content], len(content))
    header = struct.pack(
        ">I4sI4s4s4s6H4s4sI4s4sQI12s4s44x",
        *(offset + len(data), b"", 0x04200000, b"mntr", b"RGB ", b"XYZ ", 2019, 1, 1, 0, 0, 0),
        *(b"acsp", b"", 0, b"", b"", 0, 0, _fixed(0.96420, 1.0, 0.82491), b""),
    )
    return header + struct.pack(">I", len(tags)) + table + data


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
