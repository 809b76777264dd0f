/// One word while it is read: its normalised bytes, where each of them came from, and its pieces.
struct WordBuffer {
  /// Valid up to `count`.
  let bytes: UnsafeMutablePointer<UInt8>
  let pieces: UnsafeMutablePointer<(id: Int32, end: Int32)>
  private let starts: UnsafeMutablePointer<Int>
  private let ends: UnsafeMutablePointer<Int>
  private let maximumCharacters: Int
  private(set) var count = 0
  /// Scalars; goes on counting where the word is too long to be stored.
  private(set) var characters = 0
  private(set) var sourceRange = 0..<0

  init(maximumCharacters: Int) {
    self.maximumCharacters = maximumCharacters
    let capacity = maximumCharacters * 4 + 4
    bytes = .allocate(capacity: capacity)
    pieces = .allocate(capacity: capacity)
    starts = .allocate(capacity: capacity)
    ends = .allocate(capacity: capacity)
  }

  func deallocate() {
    bytes.deallocate()
    pieces.deallocate()
    starts.deallocate()
    ends.deallocate()
  }

  @inline(__always)
  mutating func append(_ scalar: UInt32, _ source: Range<Int>) {
    sourceRange = (characters == 0 ? source.lowerBound : sourceRange.lowerBound)..<source.upperBound
    characters += 1
    guard characters <= maximumCharacters else { return }
    let width = UTF8Scalar.encode(scalar, to: bytes + count)
    for offset in count..<(count + width) {
      starts[offset] = source.lowerBound
      ends[offset] = source.upperBound
    }
    count += width
  }

  mutating func clear() {
    count = 0
    characters = 0
  }

  /// The source of some of the bytes; not empty.
  func sourceRange(_ range: Range<Int>) -> Range<Int> { starts[range.lowerBound]..<ends[range.upperBound - 1] }
}
