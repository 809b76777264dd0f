import GradusCore
import GradusData
import GradusModels

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Users with their items, wrong clicks among those of training.
struct Interactions: Sendable {
  let users: [String]
  let items: [String]
  private(set) var training: [String: [String]] = [:]
  private(set) var development: [String: [String]] = [:]
  private(set) var test: [String: [String]] = [:]
  /// The wrong clicks of each user.
  private(set) var wrong: [String: Set<String>] = [:]

  init(_ home: DataHome, _ settings: StudySettings, seed: UInt64) throws {
    let all = try MovieLens(home).liked.filter { $0.value.count >= 10 }
    let users = Array(all.keys.sorted { (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) }.prefix(settings.count("users")))
    self.users = users
    let items = Set(users.flatMap { all[$0] ?? [] }).sorted()
    self.items = items
    let generator = SeededGenerator(seed: seed)
    for (number, user) in users.enumerated() {
      var stream = generator.stream("split", number)
      let own = all[user] ?? []
      let order = stream.permutation(own.count).map { own[$0] }
      let (trained, chosen) = (Int(0.7 * Double(own.count)), Int(0.1 * Double(own.count)))
      var kept = Array(order.prefix(trained))
      development[user] = Array(order[trained..<trained + chosen])
      test[user] = Array(order[(trained + chosen)...])
      var wrongStream = generator.stream("wrong clicks", number)
      let known = Set(kept)
      var clicks: Set<String> = []
      while clicks.count < Int(settings.number("wrong-share") * Double(trained)) {
        let item = items[wrongStream.integer(below: items.count)]
        if !known.contains(item), clicks.insert(item).inserted { kept.append(item) }
      }
      training[user] = kept
      wrong[user] = clicks
    }
  }

  /// Of a user's held items, with those in `hidden` left out of the ranking; the best 20 of it are looked at. nDCG's ideal has
  /// at most 20 items.
  func quality(
    of model: MatrixFactorization, user: String, held: [String: [String]], hidden: [[String: [String]]]
  ) throws -> (recall: Double, ndcg: Double) {
    let wanted = Set(held[user] ?? [])
    let left = Set(hidden.flatMap { $0[user] ?? [] })
    guard !wanted.isEmpty else { return (0, 0) }
    let scores = try model.scores(user: user)
    var best: [(score: Float, item: Int)] = []
    for (item, score) in scores.enumerated() where best.count < 20 || score > best[best.count - 1].score {
      guard !left.contains(items[item]) else { continue }
      let place = best.firstIndex { $0.score < score } ?? best.count
      best.insert((score, item), at: place)
      if best.count > 20 { best.removeLast() }
    }
    var gain = 0.0
    var hits = 0
    for (rank, entry) in best.enumerated() where wanted.contains(items[entry.item]) {
      hits += 1
      gain += 1 / log2(Double(rank) + 2)
    }
    let ideal = (0..<min(20, wanted.count)).reduce(0.0) { $0 + 1 / log2(Double($1) + 2) }
    return (Double(hits) / Double(wanted.count), gain / ideal)
  }
}
