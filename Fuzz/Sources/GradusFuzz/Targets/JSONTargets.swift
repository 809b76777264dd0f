import GradusCore
@testable import GradusText

extension FuzzTarget {
  /// The scanner that most readers stand on: passed over whole, and read into a tree.
  static let json = FuzzTarget("json", dictionary: "json") {
    [
      #"{"a": [1, -2.5e-3, true, false, null, "x\n\u00e9\ud83d\ude00"], "b": {}, "": []}"#, "[[[[]]]]", "1e400", #""\"#,
      "18446744073709551616", "-0", "[1,]", "\u{feff}{}",
    ].map { Array($0.utf8) }
  } run: { input in
    guard UTF8Validation.firstInvalidByte(in: input) == nil else { return }
    attempt {
      var scanner = JSONScanner(input)
      try scanner.skipValue()
      try scanner.finish()
    }
    attempt {
      var scanner = JSONScanner(input)
      let node = try JSONNode(&scanner)
      try scanner.finish()
      _ = (node["a"].string, node["b"]["c"].string)
    }
    attempt {
      var scanner = JSONScanner(input)
      _ = try scanner.readInteger()
    }
    attempt {
      var scanner = JSONScanner(input)
      _ = try scanner.readNumber()
    }
  }
}
