import ArgumentParser

/// What the commands that write a run ask of its options.
enum RunChecks {
  static func check(tag: String) throws {
    guard !tag.isEmpty, !tag.contains(where: \.isWhitespace) else {
      throw ValidationError("--tag must not be empty or hold white space: it is a column of the run")
    }
  }

  /// A run and a summary cannot both go to standard output.
  static func checkSummary(_ output: JSONOption, out: String?) throws {
    if output.json, out == nil || out == "-" {
      throw ValidationError("--json prints a summary and needs --out FILE for the run itself")
    }
  }
}
