/// A zip archive whose entries are stored as they are, as `torch.save` writes it: where each entry's bytes lie in the file.
struct StoredArchive {
  /// By name, bytes of the file.
  let entries: [String: Range<Int>]

  private static let endBytes = 22
  private static let entryBytes = 46
  private static let localBytes = 30

  /// - Throws: ``PyTorchError`` for an archive that contradicts itself, is packed, or is larger than 4 GB.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(PyTorchError) {
    func fail(_ problem: String) -> PyTorchError { PyTorchError(path: path, reason: .archive(problem)) }
    func number<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type, _ place: Int) -> Int {
      Int(Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: type)))
    }
    // The directory's end is followed by a comment of at most 65,535 bytes.
    let last = bytes.count - Self.endBytes
    let places = last >= 0 ? Array(max(0, last - 65535)...last) : []
    guard let end = places.last(where: { number(UInt32.self, $0) == 0x0605_4B50 }) else {
      throw fail("has no directory; it is cut short")
    }
    let count = number(UInt16.self, end + 10), size = number(UInt32.self, end + 12)
    var place = number(UInt32.self, end + 16)
    guard size < 0xFFFF_FFFF, place < 0xFFFF_FFFF, count < 0xFFFF else { throw fail("is larger than 4 GB, which is not read") }
    guard place + size <= end else { throw fail("says that its directory lies elsewhere") }
    let stop = place + size
    var entries: [String: Range<Int>] = [:]
    for _ in 0..<count {
      guard place + Self.entryBytes <= stop, number(UInt32.self, place) == 0x0201_4B50 else {
        throw fail("has a directory of other entries than it says")
      }
      let (method, flags) = (number(UInt16.self, place + 10), number(UInt16.self, place + 8))
      let (packed, length) = (number(UInt32.self, place + 20), number(UInt32.self, place + 24))
      let nameBytes = number(UInt16.self, place + 28)
      let rest = nameBytes + number(UInt16.self, place + 30) + number(UInt16.self, place + 32)
      let local = number(UInt32.self, place + 42)
      guard place + Self.entryBytes + rest <= stop else { throw fail("has a directory that ends within an entry") }
      let nameStart = place + Self.entryBytes
      let name = String(decoding: bytes[nameStart..<nameStart + nameBytes], as: UTF8.self)
      guard method == 0, packed == length, flags & 1 == 0 else { throw fail("has the packed entry '\(name)'") }
      guard local + Self.localBytes <= bytes.count, number(UInt32.self, local) == 0x0403_4B50 else {
        throw fail("has no entry '\(name)' where its directory says")
      }
      let start = local + Self.localBytes + number(UInt16.self, local + 26) + number(UInt16.self, local + 28)
      guard start <= bytes.count, length <= bytes.count - start else { throw fail("ends within the entry '\(name)'") }
      guard entries.updateValue(start..<start + length, forKey: name) == nil else { throw fail("has the entry '\(name)' twice") }
      place += Self.entryBytes + rest
    }
    self.entries = entries
  }
}
