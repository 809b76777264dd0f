import GradusCore

/// How the lists of several systems become one.
///
///     try FusionMethod(parsing: "rrf(k=60)")     // reciprocal rank fusion
///     FusionMethod.combMNZ.description           // "combmnz"
///
/// Methods read either the scores of the lists, which ``ScoreNormalization`` makes comparable, or their ranks, which need
/// nothing of the kind. A *hit* of a document is a list that holds it; n is the number of its hits.
public enum FusionMethod: Sendable, Hashable, CustomStringConvertible {
  /// Lowest score of the hits (Fox and Shaw, TREC-2, 1993, for this and the other Comb methods).
  case combMIN
  /// Median score of the hits; the mean of the middle two where n is even.
  case combMED
  /// Highest score of the hits.
  case combMAX
  /// Sum of the scores. With weights: the linear combination.
  case combSUM
  /// Mean score of the hits.
  case combANZ
  /// Sum of the scores times n. Fox and Shaw count scores that are not 0; since scores are normalised to start at 0 (Lee, SIGIR
  /// 1997) every hit counts.
  case combMNZ
  /// Sum of the scores times `n^gamma` (Lee, SIGIR 1997): CombSUM for 0, CombMNZ for 1.
  case combGMNZ(gamma: Double)
  /// Reciprocal rank fusion: the sum of `1 / (k + rank)` (Cormack et al., SIGIR 2009).
  case rrf(k: Double = 60)
  /// Inverse square rank: n times the sum of `1 / rank^2` (Mourao et al., 2014).
  case isr
  /// The same with `ln(n)` for n: a document of one list alone has score 0.
  case logISR
  /// The same with `ln(n + sigma)`: with a small sigma a single hit counts against a document.
  case logNISR(sigma: Double = 0.01)
  /// Rank-biased centroids: the sum of `(1 - phi) phi^(rank - 1)` (Bailey et al., SIGIR 2017).
  case rbc(phi: Double = 0.9)
  /// Borda count: c points for the first of c candidates, one less for each further rank; what a list leaves out shares its
  /// remaining points (Aslam and Montague, SIGIR 2001).
  case borda
  /// Condorcet fusion: an order in which every document beats or ties its successor in the majority of the lists (Montague
  /// and Aslam, CIKM 2002). Scores are places from the end.
  case condorcet
  /// Bayes fusion, trained on judged queries.
  case bayesFuse(BayesFuse)

  /// What a description may begin with: our name first, then those of ranx.
  static let names: [(name: String, aliases: [String])] = [
    ("rrf", []), ("combsum", ["sum", "wsum"]), ("combmnz", ["mnz"]), ("combanz", ["anz"]), ("combmed", ["med"]),
    ("combmin", ["min"]), ("combmax", ["max"]), ("combgmnz", ["gmnz"]), ("isr", []), ("log-isr", ["log_isr", "logisr"]),
    ("logn-isr", ["logn_isr", "lognisr"]), ("rbc", []), ("borda", ["bordafuse", "w_bordafuse"]),
    ("condorcet", ["w_condorcet"]),
  ]

  /// Names that ``init(parsing:)`` takes, `bayesfuse` aside, which has to be trained.
  public static var knownNames: [String] { names.map(\.name) }

  /// Reads `rrf`, `rrf(k=10)`, `combgmnz(gamma=0.5)`, `logn-isr(sigma=0.1)`, `rbc(phi=0.95)`, or a name alone; letter case
  /// aside. The names that ranx has are understood, too.
  ///
  /// - Throws: ``FusionError``.
  public init(parsing text: String) throws(FusionError) {
    let trimmed = text.filter { !$0.isWhitespace }
    let word = trimmed.prefix { $0 != "(" }.lowercased()
    guard let name = Self.names.first(where: { $0.name == word || $0.aliases.contains(word) })?.name else {
      let all = Self.names.flatMap { [$0.name] + $0.aliases } + ["bayesfuse"]
      if word == "bayesfuse" { throw .needsTraining }
      throw .unknownMethod(text, nearest: Spelling.nearest(to: word, among: all), known: Self.knownNames)
    }
    var arguments = try FusionArguments(method: name, text: trimmed, written: text)
    switch name {
    case "rrf": self = .rrf(k: try arguments.number("k", preset: 60, allowed: "a number from 0 up") { $0 >= 0 })
    case "combgmnz": self = .combGMNZ(gamma: try arguments.number("gamma", preset: 1, allowed: "a number from 0 up") { $0 >= 0 })
    case "logn-isr":
      self = .logNISR(sigma: try arguments.number("sigma", preset: 0.01, allowed: "above 0, at most 1") { $0 > 0 && $0 <= 1 })
    case "rbc": self = .rbc(phi: try arguments.number("phi", preset: 0.9, allowed: "between 0 and 1") { $0 > 0 && $0 < 1 })
    case "combsum": self = .combSUM
    case "combmnz": self = .combMNZ
    case "combanz": self = .combANZ
    case "combmed": self = .combMED
    case "combmin": self = .combMIN
    case "combmax": self = .combMAX
    case "isr": self = .isr
    case "log-isr": self = .logISR
    case "borda": self = .borda
    default: self = .condorcet
    }
    try arguments.finish()
  }

  /// What ``init(parsing:)`` reads back as the same method, training aside.
  public var description: String {
    switch self {
    case .combMIN: "combmin"
    case .combMED: "combmed"
    case .combMAX: "combmax"
    case .combSUM: "combsum"
    case .combANZ: "combanz"
    case .combMNZ: "combmnz"
    case .combGMNZ(let gamma): "combgmnz(gamma=\(shortNumber(gamma)))"
    case .rrf(let k): "rrf(k=\(shortNumber(k)))"
    case .isr: "isr"
    case .logISR: "log-isr"
    case .logNISR(let sigma): "logn-isr(sigma=\(shortNumber(sigma)))"
    case .rbc(let phi): "rbc(phi=\(shortNumber(phi)))"
    case .borda: "borda"
    case .condorcet: "condorcet"
    case .bayesFuse(let model): "bayesfuse(\(model.fingerprint))"
    }
  }

  /// Whether scores matter; otherwise ranks alone do.
  public var readsScores: Bool {
    switch self {
    case .combMIN, .combMED, .combMAX, .combSUM, .combANZ, .combMNZ, .combGMNZ: true
    default: false
    }
  }

  /// Whether lists may count differently.
  public var takesWeights: Bool {
    switch self {
    case .combSUM, .rrf, .borda, .condorcet: true
    default: false
    }
  }

  /// - Throws: ``FusionError/outOfRange(parameter:value:allowed:)`` for a parameter that no formula takes.
  func validate() throws(FusionError) {
    func check(_ parameter: String, _ value: Double, _ allowed: String, _ isValid: Bool) throws(FusionError) {
      guard value.isFinite, isValid else { throw .outOfRange(parameter: parameter, value: value, allowed: allowed) }
    }
    switch self {
    case .rrf(let k): try check("k", k, "a number from 0 up", k >= 0)
    case .combGMNZ(let gamma): try check("gamma", gamma, "a number from 0 up", gamma >= 0)
    case .logNISR(let sigma): try check("sigma", sigma, "above 0, at most 1", sigma > 0 && sigma <= 1)
    case .rbc(let phi): try check("phi", phi, "between 0 and 1", phi > 0 && phi < 1)
    default: break
    }
  }
}

/// `60` instead of `60.0`: the way numbers are written in names.
func shortNumber(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
}

/// The part of a method's name in brackets.
private struct FusionArguments {
  private let method: String
  private var given: [(name: String, value: Double)] = []
  private var known: [String] = []

  init(method: String, text: String, written: String) throws(FusionError) {
    self.method = method
    guard let open = text.firstIndex(of: "(") else { return }
    guard text.hasSuffix(")") else { throw .malformed(written) }
    for part in text[text.index(after: open)...].dropLast().split(separator: ",", omittingEmptySubsequences: true) {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2, let value = Double(sides[1]), value.isFinite else { throw .malformed(written) }
      let name = sides[0].lowercased()
      guard !given.contains(where: { $0.name == name }) else { throw .malformed(written) }
      given.append((name, value))
    }
  }

  mutating func number(
    _ name: String, preset: Double, allowed: String, where isValid: (Double) -> Bool
  ) throws(FusionError) -> Double {
    known.append(name)
    guard let position = given.firstIndex(where: { $0.name == name }) else { return preset }
    let value = given.remove(at: position).value
    guard isValid(value) else { throw .outOfRange(parameter: name, value: value, allowed: allowed) }
    return value
  }

  func finish() throws(FusionError) {
    if let (name, _) = given.first { throw .unknownParameter(name, method: method, known: known) }
  }
}
