extension FAQSource {
  /// The sources of the standard collection: all in Debian's main section, under free licences, with real question headings.
  public static let known: [FAQSource] = [
    FAQSource(
      name: "perl", package: "perl-doc", licence: "Artistic-1.0-Perl OR GPL-1.0-or-later", format: .pod,
      faqPages: ["usr/share/perl/*/pod/perlfaq[1-9].pod", "usr/share/perl/*/pod/perlunifaq.pod"],
      manualPages: ["usr/share/perl/*/pod/perl*.pod"],
      excludedPages: [
        // Histories, tables, licences and translations.
        "usr/share/perl/*/pod/perl*delta.pod", "usr/share/perl/*/pod/perltoc.pod", "usr/share/perl/*/pod/perlhist.pod",
        "usr/share/perl/*/pod/perlartistic.pod", "usr/share/perl/*/pod/perlgpl.pod", "usr/share/perl/*/pod/perluniprops.pod",
        "usr/share/perl/*/pod/perlapi.pod", "usr/share/perl/*/pod/perlintern.pod", "usr/share/perl/*/pod/perlmodlib.pod",
        "usr/share/perl/*/pod/perlfaq.pod", "usr/share/perl/*/pod/perlcn.pod", "usr/share/perl/*/pod/perljp.pod",
        "usr/share/perl/*/pod/perlko.pod", "usr/share/perl/*/pod/perltw.pod",
      ],
      questions: QuestionRule(levels: 2...2, needsQuestionMark: false), isRequired: true),
    FAQSource(
      name: "python", package: "python3.*-doc", licence: "PSF-2.0",
      faqPages: ["usr/share/doc/python3.*/html/faq/*.html"],
      manualPages: [
        "usr/share/doc/python3.*/html/tutorial/*.html", "usr/share/doc/python3.*/html/howto/*.html",
        "usr/share/doc/python3.*/html/library/*.html",
      ],
      isRequired: true),
    FAQSource(
      name: "debian", package: "debian-faq", licence: "LicenseRef-Debian-FAQ",
      faqPages: ["usr/share/doc/debian/FAQ/*.en.html"], manualPages: [],
      excludedPages: ["usr/share/doc/debian/FAQ/index.en.html"], isRequired: true),
    FAQSource(
      name: "debian-reference", package: "debian-reference-en", licence: "GPL-2.0-or-later",
      faqPages: [], manualPages: ["usr/share/debian-reference/ch*.en.html"]),
    FAQSource(
      name: "r", package: "r-doc-html", licence: "GPL-2.0-or-later",
      faqPages: ["usr/share/R/doc/manual/R-FAQ.html"],
      manualPages: ["R-intro", "R-data", "R-admin"].map { "usr/share/R/doc/manual/\($0).html" },
      isRequired: true),
    FAQSource(
      name: "git", package: "git-doc", licence: "GPL-2.0-only",
      faqPages: ["usr/share/doc/git-doc/gitfaq.html"],
      manualPages: ["usr/share/doc/git-doc/*.html", "usr/share/doc/git-doc/howto/*.html"],
      questions: QuestionRule(levels: 7...7, classes: ["hdlist1"]), isRequired: true),
    FAQSource(
      name: "borg", package: "borgbackup-doc", licence: "BSD-3-Clause",
      faqPages: ["usr/share/doc/borgbackup/html/faq.html"],
      manualPages: ["usr/share/doc/borgbackup/html/*.html", "usr/share/doc/borgbackup/html/*/*.html"],
      excludedPages: ["usr/share/doc/borgbackup/html/changes.html", "usr/share/doc/borgbackup/html/authors.html"]),
    FAQSource(
      name: "fetchmail", package: "fetchmail", licence: "GPL-2.0-or-later WITH openvpn-openssl-exception",
      faqPages: ["usr/share/doc/fetchmail/fetchmail-FAQ.html"],
      manualPages: ["usr/share/doc/fetchmail/*.html"]),
    FAQSource(
      name: "apache", package: "apache2-doc", licence: "Apache-2.0",
      faqPages: ["usr/share/doc/apache2-doc/manual/en/ssl/ssl_faq.html"],
      manualPages: [
        "usr/share/doc/apache2-doc/manual/en/*.html", "usr/share/doc/apache2-doc/manual/en/ssl/*.html",
        "usr/share/doc/apache2-doc/manual/en/howto/*.html", "usr/share/doc/apache2-doc/manual/en/rewrite/*.html",
        "usr/share/doc/apache2-doc/manual/en/vhosts/*.html", "usr/share/doc/apache2-doc/manual/en/misc/*.html",
      ]),
    FAQSource(
      name: "ffmpeg", package: "ffmpeg-doc", licence: "LGPL-2.1-or-later",
      faqPages: ["usr/share/doc/ffmpeg/manual/faq.html", "usr/share/doc/ffmpeg/manual/mailing-list-faq.html"],
      manualPages: [
        "usr/share/doc/ffmpeg/manual/developer.html", "usr/share/doc/ffmpeg/manual/ffmpeg.html",
        "usr/share/doc/ffmpeg/manual/ffplay.html", "usr/share/doc/ffmpeg/manual/ffprobe.html",
        "usr/share/doc/ffmpeg/manual/general.html", "usr/share/doc/ffmpeg/manual/platform.html",
        "usr/share/doc/ffmpeg/manual/ffmpeg-formats.html", "usr/share/doc/ffmpeg/manual/ffmpeg-protocols.html",
      ]),
    FAQSource(
      name: "mplayer", package: "mplayer-doc", licence: "GPL-2.0-or-later",
      faqPages: ["usr/share/doc/mplayer/HTML/en/faq.html"], manualPages: ["usr/share/doc/mplayer/HTML/en/*.html"],
      questions: QuestionRule(levels: 7...7, classes: ["question"])),
    FAQSource(
      name: "weechat", package: "weechat-doc", licence: "GPL-3.0-or-later",
      faqPages: ["usr/share/doc/weechat-doc/html/weechat_faq.en.html"],
      manualPages: [
        "usr/share/doc/weechat-doc/html/weechat_user.en.html", "usr/share/doc/weechat-doc/html/weechat_quickstart.en.html",
      ]),
    FAQSource(
      name: "xterm", package: "xterm", licence: "X11", faqPages: ["usr/share/doc/xterm/xterm.faq.html"],
      manualPages: ["usr/share/doc/xterm/*.html"], excludedPages: ["usr/share/doc/xterm/xterm.log.html"]),
    FAQSource(
      name: "zsh", package: "zsh-doc", licence: "MIT-Modern-Variant",
      faqPages: ["usr/share/doc/zsh-common/html/FAQ0[1-9].html"],
      manualPages: ["usr/share/doc/zsh-common/html/*.html"], excludedPages: ["usr/share/doc/zsh-common/html/*Index*.html"]),
    FAQSource(
      name: "django", package: "python-django-doc", licence: "BSD-3-Clause",
      faqPages: ["usr/share/doc/python-django-doc/html/faq/*.html"],
      manualPages: [
        "usr/share/doc/python-django-doc/html/intro/*.html", "usr/share/doc/python-django-doc/html/howto/*.html",
        "usr/share/doc/python-django-doc/html/topics/*.html", "usr/share/doc/python-django-doc/html/topics/*/*.html",
      ]),
    FAQSource(
      name: "sqlalchemy", package: "python-sqlalchemy-doc", licence: "MIT",
      faqPages: ["usr/share/doc/python-sqlalchemy-doc/html/faq/*.html"],
      manualPages: [
        "usr/share/doc/python-sqlalchemy-doc/html/tutorial/*.html", "usr/share/doc/python-sqlalchemy-doc/html/orm/*.html",
      ]),
    FAQSource(
      name: "lxml", package: "python-lxml-doc", licence: "BSD-3-Clause",
      faqPages: ["usr/share/doc/python-lxml/html/FAQ.html"], manualPages: ["usr/share/doc/python-lxml/html/*.html"],
      excludedPages: ["usr/share/doc/python-lxml/html/changes-*.html", "usr/share/doc/python-lxml/html/sitemap.html"]),
    FAQSource(
      name: "scrapy", package: "python-scrapy-doc", licence: "BSD-3-Clause",
      faqPages: ["usr/share/doc/python-scrapy-doc/html/faq.html"],
      manualPages: ["usr/share/doc/python-scrapy-doc/html/intro/*.html", "usr/share/doc/python-scrapy-doc/html/topics/*.html"]),
    FAQSource(
      name: "shorewall", package: "shorewall-doc", licence: "GFDL-1.2-no-invariants-or-later",
      faqPages: ["usr/share/doc/shorewall-doc/html/FAQ.htm"], manualPages: ["usr/share/doc/shorewall-doc/html/*.htm"]),
  ]
}
