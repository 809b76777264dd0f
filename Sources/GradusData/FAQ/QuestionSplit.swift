import GradusCore

/// Which part of the collection a question belongs to: 60 % train, 15 % dev, 25 % test within each source.
///
///     QuestionSplit.assign(qids: ["perl-1", "perl-2"])   // ["perl-1": .train, "perl-2": .test]
///
/// Questions are ranked by a hash of their id, so the order of the files, the clock and the machine do not matter, and a new
/// question moves at most the few that stand at a boundary.
public enum QuestionSplit: String, Sendable, CaseIterable {
  case train, dev, test

  /// - Parameter qids: Of one source, each once.
  static func assign(qids: [String]) -> [String: QuestionSplit] {
    let ranked = qids.map { (key: SHA256Digest.hex(of: Array("split:\($0)".utf8)), qid: $0) }.sorted { $0 < $1 }
    let train = (ranked.count * 60 + 50) / 100
    let dev = (ranked.count * 75 + 50) / 100
    var result: [String: QuestionSplit] = [:]
    for (rank, item) in ranked.enumerated() { result[item.qid] = rank < train ? .train : rank < dev ? .dev : .test }
    return result
  }
}
