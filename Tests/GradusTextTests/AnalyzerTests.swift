import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@testable import GradusText

@Suite("Analyzer")
struct AnalyzerTests {
  private static let plain = AnalyzerConfiguration(language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)
  private static let unicode = AnalyzerConfiguration(language: "none", tokenization: .unicodeWords)

  @Test("English drops stop words and single characters and stems")
  func english() throws {
    let analyzer = try Analyzer(.english)
    #expect(analyzer.terms("The Foxes are running, and a dog's IL-2 levels x") == ["fox", "run", "dog", "il", "level"])
    #expect(analyzer.terms("").isEmpty)
    #expect(analyzer.terms("The the THE").isEmpty)
  }

  @Test(
    "Stemmers give Snowball's examples",
    arguments: [
      ("english", "consistency", "consist"), ("english", "generously", "generous"), ("english", "skies", "sky"),
      ("porter", "generously", "gener"), ("german", "aufeinanderfolgenden", "aufeinanderfolg"),
      ("french", "continuellement", "continuel"), ("spanish", "chicharrones", "chicharron"),
      ("russian", "важности", "важност"), ("turkish", "kitaplar", "kitap"),
    ])
  func snowball(language: String, word: String, stem: String) throws {
    #expect(try Stemmer(language: language).stem(word) == stem)
    let configuration = AnalyzerConfiguration(language: language, tokenization: .unicodeWords)
    #expect(try Analyzer(configuration).terms(word) == [stem])
  }

  @Test("Every algorithm of the library can be used, an unknown one is refused")
  func languages() throws {
    #expect(Stemmer.languages.contains("english") && Stemmer.languages.count > 20)
    for language in Stemmer.languages { _ = try Analyzer(AnalyzerConfiguration(language: language)) }
    #expect(throws: AnalyzerError.unknownLanguage("klingon")) { try Analyzer(AnalyzerConfiguration(language: "klingon")) }
  }

  @Test(
    "Word characters are letters, numbers and underscores; marks and everything else separate",
    arguments: [
      ("a_b c-d e.f", ["a_b", "c", "d", "e", "f"]), ("x²½ⅷ", ["x²½ⅷ"]), ("e\u{301}a", ["e", "a"]),
      ("STRAẞE Ärger", ["straße", "ärger"]), ("İstanbul", ["i", "stanbul"]), ("ΟΔΟΣ Σ ΣΑ", ["οδος", "σ", "σα"]),
      ("日本 語", ["日本", "語"]), ("a\u{200D}b", ["a", "b"]), ("don't", ["don", "t"]), ("\u{10400}", ["\u{10428}"]),
    ])
  func wordCharacters(text: String, expected: [String]) throws {
    let terms = try Analyzer(Self.plain).terms(text)
    #expect(terms.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
  }

  @Test(
    "Unicode words follow UAX #29",
    arguments: [
      (
        "The quick (\"brown\") fox can't jump 32.3 feet, right?",
        ["the", "quick", "brown", "fox", "can't", "jump", "32.3", "feet", "right"]
      ),
      ("e\u{301}a", ["e\u{301}a"]), ("1,000.5a", ["1,000.5a"]), ("a:b c: d", ["a:b", "c", "d"]), ("a_b", ["a_b"]),
      ("日本カタカナ", ["日", "本", "カタカナ"]), ("तेज़ लोमड़ी", ["तेज़", "लोमड़ी"]), ("3.", ["3"]), ("a..b", ["a", "b"]),
      ("a\u{AD}b", ["a\u{AD}b"]), ("😀 x", ["x"]), ("'a'", ["a"]), ("א\"ב", ["א\"ב"]), ("\r\na\n", ["a"]),
    ])
  func unicodeWords(text: String, expected: [String]) throws {
    #expect(try Analyzer(Self.unicode).terms(text) == expected)
  }

  @Test("Ranges are bytes of the text, positions count stopped words")
  func positions() throws {
    var text = "Über the Berge"
    var tokens: [AnalyzedToken] = []
    let analyzer = try Analyzer(.english)
    text.withUTF8 { bytes in analyzer.analyze(bytes) { _, token in tokens.append(token) } }
    #expect(tokens == [AnalyzedToken(range: 0..<5, position: 0), AnalyzedToken(range: 10..<15, position: 2)])
  }

  @Test("Cache and long words do not change terms")
  func cache() throws {
    let long = String(repeating: "hopeful", count: 60)
    let words = (0..<50_000).map { "word\($0 % 40_000)ing running the \(long)" }
    let analyzer = try Analyzer(.english)
    let fresh = try words.prefix(300).map { try Analyzer(.english).terms($0) }
    _ = words.map(analyzer.terms)
    #expect(words.prefix(300).map(analyzer.terms) == fresh)
  }

  @Test("Any bytes can be analysed; ranges stay inside and in order", arguments: [plain, unicode, .english])
  func randomBytes(configuration: AnalyzerConfiguration) throws {
    let analyzer = try Analyzer(configuration)
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<3000 {
      let bytes = (0..<generator.integer(below: 60)).map { _ in UInt8(generator.integer(below: 256)) }
      var end = 0
      bytes.withUnsafeBufferPointer { buffer in
        analyzer.analyze(buffer) { term, token in
          #expect(!term.isEmpty && token.range.lowerBound >= end && token.range.upperBound <= buffer.count)
          #expect(UTF8Validation.firstInvalidByte(in: term) == nil)
          end = token.range.upperBound
        }
      }
    }
  }

  @Test("A configuration survives JSON, its bytes do not depend on set order")
  func codable() throws {
    let data = try JSONEncoder().encode(AnalyzerConfiguration.english)
    #expect(try JSONDecoder().decode(AnalyzerConfiguration.self, from: data) == .english)
    #expect(String(decoding: data, as: UTF8.self).contains(#"["a","an","and","are""#))
  }

  @Test(
    "BM25 over English terms gives the published nDCG@10 on SciFact",
    .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)))
  func publishedFigure() throws {
    let folder = try #require(SharedData.path("scifact"))
    let figure = try MiniatureBM25(folder: folder, analyzer: try Analyzer(.english)).meanNDCG10()
    // The published .6762 was made with Snowball 3; Snowball 2 stems some fourteen words of this collection otherwise. Both
    // figures are those of an independent program with PyStemmer 2.2 and 3.0.
    #expect(abs(figure - 0.6760179361) < 1e-9 || abs(figure - 0.6761883106) < 1e-9)
  }
}

/// The ranking formula of the published figures, term at a time, for one collection in memory.
struct MiniatureBM25 {
  let folder: String
  let analyzer: Analyzer

  func meanNDCG10() throws -> Double {
    let documents = try CorpusReader(path: folder).readAll()
    let queries = try TopicsReader.read(folder + "/queries.jsonl")
    let qrels = try QrelsReader.read(folder + "/qrels/test.tsv")
    var postings: [String: [(Int, Double)]] = [:]
    var lengths: [Double] = []
    for (index, document) in documents.enumerated() {
      let terms = analyzer.terms(document.contents)
      lengths.append(Double(terms.count))
      for (term, count) in Dictionary(terms.map { ($0, 1.0) }, uniquingKeysWith: +) {
        postings[term, default: []].append((index, count))
      }
    }
    let average = lengths.reduce(0, +) / Double(lengths.count)
    var values: [Double] = []
    for query in queries where !qrels[query.qid].isEmpty {
      var scores = [Double](repeating: 0, count: documents.count)
      for term in analyzer.terms(query.text) {
        let list = postings[term] ?? []
        let idf = log(1 + (Double(documents.count - list.count) + 0.5) / (Double(list.count) + 0.5))
        for (index, tf) in list { scores[index] += idf * tf / (tf + 0.9 * (1 - 0.4 + 0.4 * lengths[index] / average)) }
      }
      let hits = scores.indices.filter { scores[$0] > 0 }.map { ScoredDocument(docno: documents[$0].docno, score: scores[$0]) }
      let grades = Ranking(qid: query.qid, documents: hits).documents.prefix(10).map {
        Double(max(0, qrels.grade(qid: query.qid, docno: $0.docno) ?? 0))
      }
      let ideal = qrels[query.qid].values.map { Double(max(0, $0)) }.sorted(by: >).prefix(10)
      func gain(_ grades: some Sequence<Double>) -> Double {
        grades.enumerated().reduce(0) { $0 + $1.element / log2(Double($1.offset + 2)) }
      }
      if gain(ideal) > 0 { values.append(gain(grades) / gain(ideal)) }
    }
    return values.reduce(0, +) / Double(values.count)
  }
}
