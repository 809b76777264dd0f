/// Postings of the documents that one thread has analysed, in memory: per term a chain of chunks of variable-length
/// numbers, which cost about two bytes a posting, and where positions are wanted another with some byte and a half a word, and
/// where fields are wanted another with a byte for each posting and field but the text.
///
/// Documents must come in ascending order; which documents come does not matter.
final class PostingsAccumulator {
  private struct List {
    /// Document whose occurrences are being counted, and how many there are.
    var doc: UInt32
    var tf: UInt32
    /// Last document written to the chain.
    var previous: UInt32
    /// Postings in the chain, the one being counted left out.
    var written: UInt32
    var chain = Chain()
  }

  /// Numbers that are written one after the other, in chunks of the arena.
  private struct Chain {
    var firstChunk = PostingsAccumulator.none
    var chunks: UInt32 = 0
    /// Where the next byte goes, and where its chunk ends.
    var next: UInt32 = 0
    var end: UInt32 = 0
  }

  /// Gaps between the positions of a term in a document; the first gap of a document is the position itself.
  private struct PositionList {
    var previous: UInt32
    var chain = Chain()
  }

  private let terms = ByteTable()
  private var lists: UnsafeMutablePointer<List>
  private var listCapacity = 1 << 10
  private var positionLists: [PositionList] = []
  private let holdsPositions: Bool
  /// Fields but the text; 0 where they are not wanted.
  private let storedFields: Int
  /// Frequencies in the fields but the text, posting after posting.
  private var fieldLists: [Chain] = []
  /// Of each term those in the document whose occurrences are being counted.
  private var fieldCounts: [UInt32] = []
  /// A chunk: u32 place of the next chunk, then bytes.
  private var arena: UnsafeMutablePointer<UInt8>
  private var arenaCount = 0
  private var arenaCapacity = 1 << 16

  private static let none = UInt32.max
  private static let smallestChunk = 12
  private static let largestChunk = 1 << 12

  init(holdsPositions: Bool = false, fields: IndexFields? = nil) {
    self.holdsPositions = holdsPositions
    storedFields = fields.map { $0.names.count - 1 } ?? 0
    lists = .allocate(capacity: listCapacity)
    arena = .allocate(capacity: arenaCapacity)
  }

  deinit {
    lists.deallocate()
    arena.deallocate()
  }

  var isEmpty: Bool { terms.count == 0 }

  /// Memory held, in bytes.
  var memory: Int {
    terms.memory + listCapacity * MemoryLayout<List>.stride + arenaCapacity
      + positionLists.capacity * MemoryLayout<PositionList>.stride + fieldLists.capacity * MemoryLayout<Chain>.stride
      + fieldCounts.capacity * MemoryLayout<UInt32>.stride
  }

  /// Counts one occurrence of a term in a document.
  ///
  /// - Parameter field: Its place among the fields, which matters where they are held.
  @inline(__always)
  func add(_ term: UnsafeBufferPointer<UInt8>, doc: UInt32, position: Int, field: Int = 0) {
    let (number, isNew) = terms.insert(term)
    if isNew {
      if number == listCapacity { lists = ByteTable.grown(lists, number, &listCapacity, atLeast: number + 1) }
      lists[number] = List(doc: doc, tf: 1, previous: 0, written: 0)
      if holdsPositions {
        positionLists.append(PositionList(previous: 0))
        addPosition(number, UInt32(position), isFirst: true)
      }
      if storedFields > 0 {
        fieldLists.append(Chain())
        fieldCounts.append(contentsOf: repeatElement(0, count: storedFields))
        addField(number, field)
      }
      return
    }
    let isFirst = lists[number].doc != doc
    if !isFirst {
      lists[number].tf += 1
    } else {
      writePosting(number)
      lists[number].doc = doc
      lists[number].tf = 1
    }
    if holdsPositions { addPosition(number, UInt32(position), isFirst: isFirst) }
    if storedFields > 0 { addField(number, field) }
  }

  private func addPosition(_ number: Int, _ position: UInt32, isFirst: Bool) {
    let gap = isFirst ? position : position - positionLists[number].previous
    positionLists[number].previous = position
    writeNumber(UInt64(gap), &positionLists[number].chain)
  }

  private func addField(_ number: Int, _ field: Int) {
    guard field != IndexFields.rest else { return }
    fieldCounts[number * storedFields + (field < IndexFields.rest ? field : field - 1)] += 1
  }

  /// Whether the arena comes near the end of what its 32-bit places can name.
  var isNearlyFull: Bool { arenaCount > 1 << 30 }

  /// Numbers of the terms in byte order.
  func sortedTerms() -> [Int] { terms.sortedNumbers() }

  func term(_ number: Int) -> UnsafeBufferPointer<UInt8> { terms[number] }

  /// Postings of a term.
  func count(_ number: Int) -> Int { Int(lists[number].written) + 1 }

  /// Appends the postings of a term, each as document number and, in the low 32 bits, tf.
  func appendPostings(_ number: Int, to postings: inout [UInt64]) {
    let list = lists[number]
    var reader = ChainReader(arena: arena, firstChunk: list.chain.firstChunk)
    var previous: UInt64 = 0
    for _ in 0..<list.written {
      let head = reader.nextNumber()
      previous += head >> 1
      postings.append(previous << 32 | (head & 1 == 1 ? 1 : reader.nextNumber()))
    }
    postings.append(UInt64(list.doc) << 32 | UInt64(list.tf))
  }

  /// Appends the gaps between a term's positions, document after document, where positions are held.
  func appendPositionGaps(_ number: Int, occurrences: Int, to gaps: inout [UInt32]) {
    guard holdsPositions else { return }
    var reader = ChainReader(arena: arena, firstChunk: positionLists[number].chain.firstChunk)
    for _ in 0..<occurrences { gaps.append(UInt32(truncatingIfNeeded: reader.nextNumber())) }
  }

  /// Appends the frequencies of a term in the fields but the text, posting after posting, where fields are held.
  func appendFields(_ number: Int, to fields: inout [UInt32]) {
    guard storedFields > 0 else { return }
    if lists[number].written > 0 {
      var reader = ChainReader(arena: arena, firstChunk: fieldLists[number].firstChunk)
      for _ in 0..<Int(lists[number].written) * storedFields {
        fields.append(UInt32(truncatingIfNeeded: reader.nextNumber()))
      }
    }
    fields.append(contentsOf: fieldCounts[number * storedFields..<(number + 1) * storedFields])
  }

  private struct ChainReader {
    private let arena: UnsafeMutablePointer<UInt8>
    private var place: Int
    private var chunkBytes = PostingsAccumulator.smallestChunk
    private var end: Int

    init(arena: UnsafeMutablePointer<UInt8>, firstChunk: UInt32) {
      self.arena = arena
      place = Int(firstChunk) + 4
      end = place + chunkBytes
    }

    private mutating func nextByte() -> UInt64 {
      if place == end {
        let next = Int(UnsafeRawPointer(arena + (end - chunkBytes - 4)).loadUnaligned(as: UInt32.self))
        chunkBytes = min(2 * chunkBytes, PostingsAccumulator.largestChunk)
        place = next + 4
        end = place + chunkBytes
      }
      defer { place += 1 }
      return UInt64(arena[place])
    }

    mutating func nextNumber() -> UInt64 {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while true {
        let byte = nextByte()
        value |= (byte & 127) << shift
        if byte < 128 { return value }
        shift += 7
      }
    }
  }

  /// Writes the posting being counted: gap and whether tf is 1, then tf where it is not.
  private func writePosting(_ number: Int) {
    var list = lists[number]
    let head = UInt64(list.doc - list.previous) << 1 | (list.tf == 1 ? 1 : 0)
    writeNumber(head, &list.chain)
    if list.tf != 1 { writeNumber(UInt64(list.tf), &list.chain) }
    list.previous = list.doc
    list.written += 1
    lists[number] = list
    for place in number * storedFields..<(number + 1) * storedFields {
      writeNumber(UInt64(fieldCounts[place]), &fieldLists[number])
      fieldCounts[place] = 0
    }
  }

  @inline(__always)
  private func writeNumber(_ number: UInt64, _ chain: inout Chain) {
    var rest = number
    while rest >= 128 {
      writeByte(UInt8(truncatingIfNeeded: rest) | 128, &chain)
      rest >>= 7
    }
    writeByte(UInt8(truncatingIfNeeded: rest), &chain)
  }

  @inline(__always)
  private func writeByte(_ byte: UInt8, _ chain: inout Chain) {
    if chain.next == chain.end { extend(&chain) }
    arena[Int(chain.next)] = byte
    chain.next += 1
  }

  private func extend(_ chain: inout Chain) {
    let isFirst = chain.firstChunk == Self.none
    let bytes = isFirst ? Self.smallestChunk : min(2 * chunkBytes(chain), Self.largestChunk)
    let place = arenaCount
    if place + 4 + bytes > arenaCapacity {
      arena = ByteTable.grown(arena, arenaCount, &arenaCapacity, atLeast: place + 4 + bytes)
    }
    arenaCount += 4 + bytes
    if isFirst {
      chain.firstChunk = UInt32(place)
    } else {
      let link = Int(chain.end) - chunkBytes(chain) - 4
      UnsafeMutableRawPointer(arena + link).storeBytes(of: UInt32(place), as: UInt32.self)
    }
    chain.chunks += 1
    chain.next = UInt32(place + 4)
    chain.end = UInt32(place + 4 + bytes)
  }

  /// Payload of the chunk that is being filled: sizes double from chunk to chunk.
  private func chunkBytes(_ chain: Chain) -> Int {
    min(Self.smallestChunk << min(Int(chain.chunks) - 1, 16), Self.largestChunk)
  }
}
