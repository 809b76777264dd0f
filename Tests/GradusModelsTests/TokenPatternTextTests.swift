import GradusCore
import Testing

@testable import GradusModels

@Suite("Patterns written as text")
struct TokenPatternTextTests {
  /// Letters and signs are tokens of their own, but for "yes" and "é" of two.
  private static func encode(_ text: String) -> [Int32] {
    if text == "yes" { return [1000] }
    return text.unicodeScalars.flatMap { $0.value < 128 ? [Int32($0.value)] : [Int32($0.value), 999] }
  }

  private func pattern(_ text: String) throws -> TokenPattern { try TokenPattern(text: text, encode: Self.encode) }

  private func accepts(_ pattern: String, _ text: String) throws -> Bool {
    let constraint = try TokenPatternConstraint(try self.pattern(pattern))
    var state = constraint.initialState
    for scalar in text.unicodeScalars {
      guard constraint.allowedTokens(in: state).contains(Int32(scalar.value)) else { return false }
      state = constraint.state(after: Int32(scalar.value), in: state)
    }
    return constraint.isComplete(state)
  }

  @Test("Stretches, sets, groups and repetitions mean what they say")
  func meaning() throws {
    #expect(try pattern("yes") == .sequence([.literal([1000])]))
    #expect(try pattern("(yes|no)") == .sequence([.choice([.sequence([.literal([1000])]), .sequence([.literal([110, 111])])])]))
    #expect(try pattern("[a-cx]") == .sequence([.any(of: [97, 98, 99, 120])]))
    #expect(try pattern(#"[\]\-a-]"#) == .sequence([.any(of: [93, 45, 97])]))
    #expect(try pattern("ab{2}") == .sequence([.literal([97]), .repeated(.literal([98]), 2...2)]))
    #expect(try pattern(#"\n\t\\\."#) == .sequence([.literal([10, 9, 92, 46])]))
    #expect(try pattern("(|a)") == .sequence([.choice([.sequence([]), .sequence([.literal([97])])])]))
  }

  /// The same languages as a regular expression's.
  @Test("A list of identifiers", arguments: [
    ("[1]", true), ("[1] > [9]", true), ("[1] > [2] > [3]", true), ("[1] > [2] > [3] > [4]", false), ("[0]", false), ("", false),
    ("[1] > ", false), ("[1][2]", false),
  ])
  func identifiers(text: String, isAllowed: Bool) throws {
    #expect(try accepts(#"\[[1-9]\]( > \[[1-9]\]){0,2}"#, text) == isAllowed)
  }

  @Test("Repetitions inside repetitions, and parts that may be nothing")
  func repetitions() throws {
    for (text, isAllowed) in [("", true), ("ab", true), ("abab", true), ("aab", true), ("b", false), ("ababab", false)] {
      #expect(try accepts("(a{1,2}b){0,2}", text) == isAllowed, "\(text)")
    }
    for (text, isAllowed) in [("", true), ("a", true), ("aaaa", true), ("aaaaa", false)] {
      #expect(try accepts("(a?a?){0,2}", text) == isAllowed, "\(text)")
      #expect(try accepts("(a?){2}(a|){0,2}", text) == isAllowed, "\(text)")
    }
    for (text, isAllowed) in [("aa", false), ("aaa", true), ("aaaaa", true), ("aaaaaa", false)] {
      #expect(try accepts("a{3,5}", text) == isAllowed, "\(text)")
    }
    // What may follow grows with the copies, not with their square: this would not end.
    #expect(try accepts("[a-z]{0,40000}", "word"))
  }

  @Test("What is not well formed is refused with its place", arguments: [
    ("", "it is empty"), ("a)", "character 2: ')' closes nothing"), ("(a", "character 1: the group is not closed"),
    ("[a", "character 1: the set is not closed"), ("[]", "character 1: the set is empty"), ("a]", "character 2: ']' closes"),
    ("a*", "repetitions need a bound"), ("a+", "character 2: '+' means nothing here"), ("a.", #"write \. for the sign"#),
    ("^a", "'^' means nothing here"), ("[^a]", "sets cannot be negated"), ("?", "follows nothing that could be repeated"),
    ("a??", "character 3: '?' follows nothing"), ("a{2", "expected {n} or {m,n}"), ("a{3,2}", "m <= n"), ("a{0}", "n from 1"),
    ("a{1,}", "repetitions need a bound"), ("a{70000}", "n from 1 to 65536"), (#"a\"#, "a backslash ends"),
    (#"\d"#, #"character 1: '\d' is not known"#), ("[é]", "'é' is 2 tokens"), ("[z-a]", "is no range"),
    ("(){3}", "nothing stands before it"), ("[\u{0}-\u{FFFF}]", "more than 4096 characters"),
    (String(repeating: "(", count: 100), "more than 64 groups"),
  ])
  func refused(text: String, message: String) throws {
    let error = #expect(throws: DecoderError.self) { try pattern(text) }
    guard case .pattern(let reason)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
    #expect(reason.contains(message), "\(reason)")
  }
}
