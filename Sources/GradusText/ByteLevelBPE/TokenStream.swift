/// Turns ids into text one by one: bytes that may be the first ones of a character are held back until it is complete.
///
///     var stream = TokenStream(tokenizer)
///     for id in generated { print(stream.append(id), terminator: "") }
///     print(stream.finish())
///
/// The pieces, joined, are what ``BytePairTokenizer/decode(_:skipsSpecial:)`` gives for all ids.
public struct TokenStream: Sendable {
  private let tokenizer: BytePairTokenizer
  private let skipsSpecial: Bool
  private var pending: [UInt8] = []
  private var isFirst = true

  /// - Parameter skipsSpecial: Leave out control tokens.
  public init(_ tokenizer: BytePairTokenizer, skipsSpecial: Bool = true) {
    self.tokenizer = tokenizer
    self.skipsSpecial = skipsSpecial
  }

  /// The text that is certain after one more token; often empty.
  public mutating func append(_ id: Int32) -> String {
    if skipsSpecial, tokenizer.isSpecial(id) { return "" }
    var bytes = tokenizer.bytes(of: id)
    if isFirst, tokenizer.stripsFirstSpace, bytes.first == UInt8(ascii: " ") { bytes.removeFirst() }
    isFirst = false
    pending += bytes
    let count = pending.count - Self.incompleteSuffix(pending)
    defer { pending.removeFirst(count) }
    return String(decoding: pending[..<count], as: UTF8.self)
  }

  /// What was held back; U+FFFD where the ids end inside a character.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// Bytes at the end that could become a character.
  private static func incompleteSuffix(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xC0 == 0x80 { continue }
      let needed = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC2 && lead < 0xE0 ? 2 : 1
      return needed > length ? length : 0
    }
    return 0
  }
}
