import GradusCore

/// A column of keywords as ``ColumnsBuilder`` lays it out.
struct KeywordColumn {
  private let count: Int
  private let ends: UnsafeBufferPointer<UInt64>
  /// Of each document, 1 + the number of its keyword, or 0.
  private let numbers: UnsafeBufferPointer<UInt32>
  private let text: UnsafeRawBufferPointer
  private let damage: IndexError

  /// - Parameter bytes: Aligned to 8 bytes; must outlive the column.
  init(_ bytes: UnsafeRawBufferPointer, documents: Int, damage: IndexError) throws {
    guard bytes.count >= 8 else { throw damage }
    let count = bytes.number(UInt64.self, at: 0)
    let total = UInt64(bytes.count)
    guard count <= total / 8, 16 + 8 * count + 4 * UInt64(documents) <= total else { throw damage }
    self.count = Int(count)
    self.damage = damage
    let numbersStart = 16 + 8 * Int(count)
    ends = UnsafeRawBufferPointer(rebasing: bytes[8..<numbersStart]).bindMemory(to: UInt64.self)
    let textStart = numbersStart + 4 * documents
    numbers = UnsafeRawBufferPointer(rebasing: bytes[numbersStart..<textStart]).bindMemory(to: UInt32.self)
    text = UnsafeRawBufferPointer(rebasing: bytes[textStart...])
  }

  /// 1 + the number of a keyword; nil where no document has it.
  func number(of keyword: String) throws -> UInt32? {
    let sought = Array(keyword.utf8)
    var low = 0, high = count
    while low < high {
      let middle = low + (high - low) / 2
      let start = ends[middle], end = ends[middle + 1]
      guard start <= end, end <= UInt64(text.count) else { throw damage }
      let found = text[Int(start)..<Int(end)]
      if found.elementsEqual(sought) { return UInt32(middle + 1) }
      if found.lexicographicallyPrecedes(sought) { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// The documents whose number passes.
  func documents(where isWanted: (UInt32) -> Bool) -> DocumentSet {
    var set = DocumentSet(documents: numbers.count)
    for (document, number) in numbers.enumerated() where isWanted(number) { set.insert(document) }
    return set
  }
}
