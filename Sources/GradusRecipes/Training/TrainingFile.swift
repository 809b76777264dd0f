import GradusCore

/// Settings of a training as a YAML file: `name: value`, a setting a line.
///
///     architecture: conv-knrm
///     data: scifact
///     curriculum: kde
public enum TrainingFile {
  /// The settings in the order of the file.
  ///
  /// - Throws: ``RecipeError`` with the line of a key or value that is not one.
  public static func read(_ path: String) throws -> [(name: String, value: String)] {
    let mapping = try YAMLMapping.read(path)
    if mapping.has("slug") { throw mapping.error(mapping.line(of: "slug"), .unknownKey("slug", nearest: nil)) }
    return try mapping.settings()
  }
}

extension YAMLMapping {
  /// All keys as settings of a training.
  func settings() throws -> [(name: String, value: String)] {
    try settings { name, value in
      var probe = TrainingSettings()
      try probe.set(name, to: value)
    }
  }

  /// All keys as settings of a study.
  func settings(of study: any Study.Type) throws -> [(name: String, value: String)] {
    var probe = try StudySettings(study)
    return try settings { try probe.set($0, to: $1) }
  }

  /// - Throws: ``RecipeError`` with the line, for what a study or a training refuses.
  func checkSetting(_ key: String, _ value: String, line: Int, of study: (any Study.Type)?) throws {
    try check(key, value, line: line) {
      if let study {
        var probe = try StudySettings(study)
        try probe.set(key, to: value)
      } else {
        var probe = TrainingSettings()
        try probe.set(key, to: value)
      }
    }
  }

  private func check(_ key: String, _ value: String, line: Int, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let problem as SettingError {
      if case .unknown(let name, let nearest) = problem { throw error(line, .unknownKey(name, nearest: nearest)) }
      throw error(line, .setting(problem))
    } catch let problem as any GradusError {
      throw error(line, .value(key: key, found: value, expected: "another value: \(problem)"))
    }
  }

  private func settings(
    _ check: (_ name: String, _ value: String) throws -> Void
  ) throws -> [(name: String, value: String)] {
    try texts().map { key, value, line in
      try self.check(key, value, line: line) { try check(key, value) }
      return (key, value)
    }
  }
}
