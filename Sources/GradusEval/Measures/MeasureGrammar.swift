/// A literal in a measure name.
enum MeasureLiteral: Equatable {
  case number(Double, text: String)
  case text(String)
  case boolean(Bool)
  case list([Double])
  case map([Int32: Double])

  var source: String {
    switch self {
    case .number(_, let text): text
    case .text(let text): text
    case .boolean(let value): value ? "True" : "False"
    case .list(let values): "[" + values.map(plainNumber).joined(separator: ",") + "]"
    case .map(let pairs):
      "{" + pairs.sorted { $0.key < $1.key }.map { "\($0.key):\(plainNumber($0.value))" }.joined(separator: ",") + "}"
    }
  }
}

/// A measure name taken apart: `Name(key=value, ...)@cutoff`.
struct MeasureExpression {
  var name: String
  var arguments: [(key: String, value: MeasureLiteral)] = []
  var cutoff: MeasureLiteral?

  init(parsing text: String) throws(MeasureNameError) {
    var scanner = Scanner(text)
    name = scanner.take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == "." }
    guard !name.isEmpty else { throw scanner.error("a measure name") }
    if scanner.skip("(") {
      repeat {
        let key = scanner.take { $0.isLetter || $0.isNumber || $0 == "_" }
        guard !key.isEmpty else { throw scanner.error("an argument name") }
        guard scanner.skip("=") else { throw scanner.error("'='") }
        arguments.append((key, try scanner.literal()))
      } while scanner.skip(",")
      guard scanner.skip(")") else { throw scanner.error("',' or ')'") }
    }
    if scanner.skip("@") { cutoff = try scanner.literal() }
    guard scanner.isAtEnd else { throw scanner.error(cutoff == nil ? "'(', '@' or the end" : "the end") }
  }

  private struct Scanner {
    let text: String
    let characters: [Character]
    var position = 0

    init(_ text: String) {
      self.text = text
      characters = Array(text)
    }

    var isAtEnd: Bool { position == characters.count }

    func error(_ expected: String) -> MeasureNameError {
      .syntax(text: text, position: position + 1, expected: expected)
    }

    mutating func skipSpaces() {
      while position < characters.count, characters[position].isWhitespace { position += 1 }
    }

    mutating func take(_ belongs: (Character) -> Bool) -> String {
      skipSpaces()
      let start = position
      while position < characters.count, belongs(characters[position]) { position += 1 }
      let taken = String(characters[start..<position])
      skipSpaces()
      return taken
    }

    mutating func skip(_ character: Character) -> Bool {
      skipSpaces()
      guard position < characters.count, characters[position] == character else { return false }
      position += 1
      skipSpaces()
      return true
    }

    mutating func literal() throws(MeasureNameError) -> MeasureLiteral {
      skipSpaces()
      for quote: Character in ["'", "\""] where skip(quote) {
        let value = take { $0 != quote }
        guard skip(quote) else { throw error("a closing quote") }
        return .text(value)
      }
      if skip("[") {
        var values: [Double] = []
        repeat { values.append(try number().value) } while skip(",")
        guard skip("]") else { throw error("',' or ']'") }
        return .list(values)
      }
      if skip("{") {
        var pairs: [Int32: Double] = [:]
        repeat {
          guard let grade = Int32(exactly: try number().value) else { throw error("a whole grade before ':'") }
          guard skip(":") else { throw error("':'") }
          pairs[grade] = try number().value
        } while skip(",")
        guard skip("}") else { throw error("',' or '}'") }
        return .map(pairs)
      }
      for (word, value) in [("True", true), ("False", false)] where characters[position...].starts(with: word) {
        position += word.count
        skipSpaces()
        return .boolean(value)
      }
      let parsed = try number()
      return .number(parsed.value, text: parsed.text)
    }

    mutating func number() throws(MeasureNameError) -> (value: Double, text: String) {
      skipSpaces()
      let start = position
      let text = take { $0.isNumber || "+-.eE".contains($0) }
      guard let value = Double(text), value.isFinite else {
        position = start
        throw error("a number")
      }
      return (value, text)
    }
  }
}

/// Hands the arguments of an expression to the measure that is being made, and refuses what nobody asked for.
struct MeasureArguments {
  let measure: String
  private var given: [(key: String, value: MeasureLiteral)]
  private let cutoffLiteral: MeasureLiteral?
  private var known: [String] = []
  private var isCutoffUsed = false
  /// The relevance level where the name gives none.
  private let defaultRel: Int32

  init(_ expression: MeasureExpression, defaultRel: Int32) {
    measure = expression.name
    given = expression.arguments
    cutoffLiteral = expression.cutoff
    self.defaultRel = defaultRel
  }

  private mutating func take(_ key: String) -> MeasureLiteral? {
    known.append(key)
    guard let index = given.firstIndex(where: { $0.key == key }) else { return nil }
    return given.remove(at: index).value
  }

  private func bad(_ key: String, _ literal: MeasureLiteral, _ expected: String) -> MeasureNameError {
    .badValue(measure: measure, argument: key, found: literal.source, expected: expected)
  }

  mutating func grade(_ key: String) throws(MeasureNameError) -> Int32? {
    guard let literal = take(key) else { return nil }
    guard case .number(let value, _) = literal, let grade = Int32(exactly: value) else {
      throw bad(key, literal, "a whole number")
    }
    return grade
  }

  /// Lowest relevant grade. Level 0 would count non-relevant documents, and lower ones unjudged documents.
  mutating func rel() throws(MeasureNameError) -> Int32 {
    let level = try grade("rel") ?? defaultRel
    guard level >= 1 else {
      throw .badValue(measure: measure, argument: "rel", found: "\(level)", expected: "a grade of at least 1")
    }
    return level
  }

  mutating func flag(_ key: String, default preset: Bool) throws(MeasureNameError) -> Bool {
    guard let literal = take(key) else { return preset }
    guard case .boolean(let value) = literal else { throw bad(key, literal, "True or False") }
    return value
  }

  mutating func judgedOnly() throws(MeasureNameError) -> Bool { try flag("judged_only", default: false) }

  mutating func number(
    _ key: String, default preset: Double, expected: String = "a number", where isValid: (Double) -> Bool = { _ in true }
  ) throws(MeasureNameError) -> Double {
    guard let literal = take(key) else { return preset }
    guard case .number(let value, _) = literal, isValid(value) else { throw bad(key, literal, expected) }
    return value
  }

  /// A continuation probability.
  mutating func persistence(default preset: Double) throws(MeasureNameError) -> Double {
    try number("p", default: preset, expected: "between 0 and 1, both excluded") { $0 > 0 && $0 < 1 }
  }

  mutating func gain() throws(MeasureNameError) -> NDCG.Gain {
    let dcg = take("dcg")
    let gains = take("gains")
    if let gains {
      guard case .map(let pairs) = gains else { throw bad("gains", gains, "a map such as {1:2,2:5}") }
      if let dcg, dcg != .text("log2") { throw bad("dcg", dcg, "'log2' where gains are given") }
      return .custom(pairs)
    }
    switch dcg {
    case nil, .text("log2"): return .linear
    case .text("exp-log2"): return .exponential
    case let dcg?: throw bad("dcg", dcg, "'log2' or 'exp-log2'")
    }
  }

  mutating func levels(_ key: String) throws(MeasureNameError) -> [Double]? {
    guard let literal = take(key) else { return nil }
    guard case .list(let values) = literal, values.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      throw bad(key, literal, "a list of numbers between 0 and 1")
    }
    return values
  }

  mutating func optionalCutoff() throws(MeasureNameError) -> Int? {
    isCutoffUsed = true
    guard let literal = cutoffLiteral else { return nil }
    guard case .number(let value, _) = literal, let cutoff = Int(exactly: value), cutoff >= 1 else {
      throw bad("the cut-off", literal, "a whole number of at least 1")
    }
    return cutoff
  }

  mutating func cutoff() throws(MeasureNameError) -> Int {
    guard let cutoff = try optionalCutoff() else {
      throw .missing(measure: measure, argument: "a cut-off", example: "\(measure)@10")
    }
    return cutoff
  }

  /// The number after `@` where it is a level and not a rank.
  mutating func level(in range: ClosedRange<Double>, example: String) throws(MeasureNameError) -> Double {
    isCutoffUsed = true
    guard let literal = cutoffLiteral else {
      throw .missing(measure: measure, argument: "a level", example: "\(measure)@\(example)")
    }
    guard case .number(let value, _) = literal, range.contains(value) else {
      throw bad("the level", literal, range.upperBound == 1 ? "between 0 and 1" : "a number of at least 0")
    }
    return value
  }

  /// Called last: whatever has not been asked for does not belong here.
  func finish() throws(MeasureNameError) {
    if let (key, _) = given.first { throw .unknownArgument(measure: measure, argument: key, known: known) }
    if cutoffLiteral != nil, !isCutoffUsed { throw .unexpectedCutoff(measure: measure) }
  }
}
