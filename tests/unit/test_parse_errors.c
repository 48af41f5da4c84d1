/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Malformed documents, each with the one sentence that says what is wrong, and whether the schema
 * alone refuses it too. */
#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/test.h"

/* Who finds the fault: our reader alone, or the schema as well. Faults of XML itself are the
 * library's, whose words change from version to version: only their head is compared. */
enum finder { READER, SCHEMA, XML };

struct fault {
	const char *text;
	enum finder finder;
	const char *message;
};

#define POLICY(content) "<policy xmlns='urn:vmseg:1' name='p'>\n" content "</policy>"
#define RULE(content)   POLICY("<rule direction='in' action='allow'>\n" content "</rule>")
#define SET(content)    "<set xmlns='urn:vmseg:1' name='s'>\n" content "</set>"
#define DOMAIN(content) "<domain xmlns='urn:vmseg:1'>\n" content "</domain>"
#define NIC(content)    DOMAIN("<interface mac='52:54:00:00:00:01'>\n" content "</interface>")

#define BYTES_64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static const struct fault policy_faults[] = {
	/* XML */
	{"", XML, "F:1: not valid XML: "},
	{"<policy", XML, "F:1: not valid XML: "},
	{"<policy xmlns='urn:vmseg:1' name='p'>\n<rule></policy>", XML, "F:2: not valid XML: "},
	{"<policy xmlns='urn:vmseg:1' name='p'/>\ntrailing", XML, "F:2: not valid XML: "},
	{"<v:policy name='p'/>", XML, "F:1: not valid XML: "},
	{"<policy xmlns='urn:vmseg:1' name='p' name='q'/>", XML, "F:1: not valid XML: "},
	{"<!DOCTYPE policy [<!ENTITY a 'b'>]>\n<policy xmlns='urn:vmseg:1' name='&a;'/>", XML,
	 "F:1: a document type declaration (<!DOCTYPE>) is not accepted"},
	{"<!DOCTYPE policy SYSTEM 'http://example.org/x.dtd'>\n<policy xmlns='urn:vmseg:1' "
	 "name='p'/>",
	 XML, "F:1: a document type declaration (<!DOCTYPE>) is not accepted"},
	{"<!DOCTYPE policy [<!ENTITY % a SYSTEM 'http://192.0.2.1/a'> %a;]>\n"
	 "<policy xmlns='urn:vmseg:1' name='p'/>",
	 XML, "F:1: a document type declaration (<!DOCTYPE>) is not accepted"},
	{"<?xml version='1.0'?>\n<!DOCTYPE policy [<!ENTITY a 'ha'>\n"
	 "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\n<!ENTITY c "
	 "'&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>\n<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]>\n"
	 "<policy xmlns='urn:vmseg:1' name='p'><description>&d;</description></policy>",
	 XML, "F:2: a document type declaration (<!DOCTYPE>) is not accepted"},
	{"<!DOCTYPE policy [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>\n"
	 "<policy xmlns='urn:vmseg:1' name='p'><description>&a;</description></policy>",
	 XML, "F:1: a document type declaration (<!DOCTYPE>) is not accepted"},
	{POLICY("<description>&a;</description>"), XML, "F:2: not valid XML: "},
	{POLICY("&#0;"), XML, "F:2: not valid XML: "},
	{POLICY("\x01"), XML, "F:2: not valid XML: "},
	{"\n<?xml version='1.0'?><policy xmlns='urn:vmseg:1' name='p'/>", XML,
	 "F:2: not valid XML: "},
	{"<?xml version='2.0'?><policy xmlns='urn:vmseg:1' name='p'/>", XML,
	 "F:1: not valid XML: "},
	/* Encodings; the later ones are sequences that UTF-8 does not have: too long, a surrogate
	 */
	{"<?xml version='1.0' encoding='klingon'?><policy xmlns='urn:vmseg:1' name='p'/>", XML,
	 "F:1: encoding \"klingon\" is not known (expected UTF-8)"},
	{"<?xml version='1.0' encoding='UTF-16'?><policy xmlns='urn:vmseg:1' name='p'/>", XML,
	 "F:1: encoding \"UTF-16\" is not known (expected UTF-8)"},
	{"<?xml version='1.0' encoding='ISO-8859-1'?>\n<policy xmlns='urn:vmseg:1' name='p'>"
	 "</policy>",
	 XML, "F:1: encoding \"ISO-8859-1\" is not known (expected UTF-8)"},
	{"<policy xmlns='urn:vmseg:1' name='p'>\n\xff</policy>", XML,
	 "F:2: there are bytes that are not UTF-8 text"},
	{POLICY("<description>\xe9</description>"), XML,
	 "F:2: there are bytes that are not UTF-8 text"},
	{POLICY("<description>\xc0\xbc</description>"), XML,
	 "F:2: there are bytes that are not UTF-8 text"},
	{POLICY("<description>\xed\xa0\x80</description>"), XML,
	 "F:2: there are bytes that are not UTF-8 text"},
	/* Roots */
	{"<rules/>", SCHEMA,
	 "F:1: <rules>: it cannot be the root element (expected <policy> or <set>)"},
	{"<domain xmlns='urn:vmseg:1'/>", READER,
	 "F:1: <domain>: it cannot be the root element (expected <policy> or <set>)"},
	{"<policy name='p'/>", SCHEMA,
	 "F:1: <policy>: it is in no namespace (expected xmlns=\"urn:vmseg:1\")"},
	{"<policy xmlns='urn:vmseg:2' name='p'/>", SCHEMA,
	 "F:1: <policy>: namespace \"urn:vmseg:2\" is not known (expected \"urn:vmseg:1\")"},
	{"<policy xmlns='urn:vmseg:1'/>", SCHEMA, "F:1: <policy>: attribute \"name\" is missing"},
	{"<policy xmlns='urn:vmseg:1' name=''/>", SCHEMA,
	 "F:1: <policy>: name=\"\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{"<policy xmlns='urn:vmseg:1' name='web server'/>", SCHEMA,
	 "F:1: <policy>: name=\"web server\" is not a name (expected letters, digits, '.', '_' and "
	 "'-', starting with a letter or digit)"},
	{"<policy xmlns='urn:vmseg:1' name='-web'/>", SCHEMA,
	 "F:1: <policy>: name=\"-web\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{"<policy xmlns='urn:vmseg:1' name='../web'/>", SCHEMA,
	 "F:1: <policy>: name=\"../web\" is not a name (expected letters, digits, '.', '_' and "
	 "'-', starting with a letter or digit)"},
	{"<policy xmlns='urn:vmseg:1' name='w\u00e9b'/>", SCHEMA,
	 "F:1: <policy>: name=\"wéb\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{"<policy xmlns='urn:vmseg:1' name='" BYTES_64 "'/>", SCHEMA,
	 "F:1: <policy>: name=\"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\" "
	 "is 64 bytes long (at most 63)"},
	{"<policy xmlns='urn:vmseg:1' name='" BYTES_64 BYTES_64 "'/>", SCHEMA,
	 "F:1: <policy>: "
	 "name=\"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddaaaaaaaaaaaa...\" "
	 "is 128 bytes long (at most 63)"},
	{"<policy xmlns='urn:vmseg:1' name='p' mode='audit'/>", SCHEMA,
	 "F:1: <policy>: unknown attribute \"mode\" (expected name)"},
	{"<policy xmlns='urn:vmseg:1' name='p' xml:lang='en'/>", SCHEMA,
	 "F:1: <policy>: unknown attribute \"xml:lang\" (expected name)"},
	/* Content of a policy */
	{POLICY("<rul/>"), SCHEMA,
	 "F:2: <rul>: unknown element in <policy> (expected description, default, guards, limits "
	 "or rule)"},
	{POLICY("<tcp/>"), SCHEMA,
	 "F:2: <tcp>: unknown element in <policy> (expected description, default, guards, limits "
	 "or rule)"},
	{POLICY("<rule xmlns='urn:other' direction='in' action='allow'/>"), SCHEMA,
	 "F:2: <rule>: it is not in namespace urn:vmseg:1"},
	{POLICY("<rule xmlns='' direction='in' action='allow'/>"), SCHEMA,
	 "F:2: <rule>: it is not in namespace urn:vmseg:1"},
	{POLICY("<x:include xmlns:x='http://www.w3.org/2001/XInclude' href='/etc/passwd'/>"),
	 SCHEMA, "F:2: <include>: it is not in namespace urn:vmseg:1"},
	{POLICY("text"), SCHEMA, "F:1: <policy>: unexpected text \"text\""},
	{POLICY("<![CDATA[x]]>"), SCHEMA, "F:1: <policy>: unexpected text \"x\""},
	{POLICY("<description>a</description>\n<description>b</description>"), SCHEMA,
	 "F:3: <description>: it is already given on line 2"},
	{POLICY("<description><b/></description>"), SCHEMA,
	 "F:2: <b>: unknown element in <description> (expected none)"},
	{POLICY("<description lang='en'>a</description>"), SCHEMA,
	 "F:2: <description>: unknown attribute \"lang\" (expected none)"},
	{POLICY("<default in='deny'/>\n\n<default out='deny'/>"), SCHEMA,
	 "F:4: <default>: it is already given on line 2"},
	{POLICY("<default in='reject'/>"), SCHEMA,
	 "F:2: <default>: in=\"reject\" is not known (expected allow or deny)"},
	{POLICY("<default inout='deny'/>"), SCHEMA,
	 "F:2: <default>: unknown attribute \"inout\" (expected in or out)"},
	{POLICY("<default in=' deny'/>"), SCHEMA,
	 "F:2: <default>: in=\" deny\" is not known (expected allow or deny)"},
	{POLICY("<default>x</default>"), SCHEMA, "F:2: <default>: unexpected text \"x\""},
	{POLICY("<guards mac='yes'/>"), SCHEMA,
	 "F:2: <guards>: mac=\"yes\" is not known (expected on or off)"},
	{POLICY("<guards other-ethertypes='on'/>"), SCHEMA,
	 "F:2: <guards>: other-ethertypes=\"on\" is not known (expected deny or allow)"},
	{POLICY("<guards tcp-window='off'/>"), SCHEMA,
	 "F:2: <guards>: tcp-window=\"off\" is not known (expected strict or liberal)"},
	{POLICY("<guards dhcp='on'/>"), SCHEMA,
	 "F:2: <guards>: unknown attribute \"dhcp\" (expected mac, ip, arp, nd, dhcp-server, "
	 "router-advertisement, other-ethertypes, vlan or tcp-window)"},
	{POLICY("<guards vlan=''/>"), SCHEMA,
	 "F:2: <guards>: vlan id \"\" is not known (expected none, any, or ids from 1 to 4094 "
	 "separated by commas)"},
	{POLICY("<guards vlan='0'/>"), SCHEMA,
	 "F:2: <guards>: vlan id \"0\" is not known (expected none, any, or ids from 1 to 4094 "
	 "separated by commas)"},
	{POLICY("<guards vlan='4095'/>"), READER,
	 "F:2: <guards>: vlan id \"4095\" is not known (expected none, any, or ids from 1 to 4094 "
	 "separated by commas)"},
	{POLICY("<guards vlan='1,'/>"), SCHEMA,
	 "F:2: <guards>: vlan id \"\" is not known (expected none, any, or ids from 1 to 4094 "
	 "separated by commas)"},
	{POLICY("<guards vlan='1, 2'/>"), SCHEMA,
	 "F:2: <guards>: vlan id \" 2\" is not known (expected none, any, or ids from 1 to 4094 "
	 "separated by commas)"},
	{POLICY("<guards vlan='1,none'/>"), SCHEMA,
	 "F:2: <guards>: vlan id \"none\" is not known (expected none, any, or ids from 1 to 4094 "
	 "separated by commas)"},
	{POLICY("<guards vlan='7,8,7'/>"), READER, "F:2: <guards>: vlan id 7 is listed twice"},
	{POLICY("<guards vlan='1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17'/>"), SCHEMA,
	 "F:2: <guards>: vlan lists more than 16 ids"},
	{POLICY("<limits sessions='0'/>"), SCHEMA,
	 "F:2: <limits>: sessions=\"0\" is not a number from 1 to 4194304"},
	{POLICY("<limits sessions='4194305'/>"), SCHEMA,
	 "F:2: <limits>: sessions=\"4194305\" is not a number from 1 to 4194304"},
	{POLICY("<limits session-rate='-1'/>"), SCHEMA,
	 "F:2: <limits>: session-rate=\"-1\" is not a number from 0 to 100000000"},
	{POLICY("<limits session-rate='1e3'/>"), SCHEMA,
	 "F:2: <limits>: session-rate=\"1e3\" is not a number from 0 to 100000000"},
	{POLICY("<limits session-rate='010'/>"), SCHEMA,
	 "F:2: <limits>: session-rate=\"010\" is not a number from 0 to 100000000"},
	{POLICY("<limits half-open='100000001'/>"), SCHEMA,
	 "F:2: <limits>: half-open=\"100000001\" is not a number from 0 to 100000000"},
	{POLICY("<limits half-open='99999999999999999999'/>"), SCHEMA,
	 "F:2: <limits>: half-open=\"99999999999999999999\" is not a number from 0 to 100000000"},
	{POLICY("<limits rate='1'/>"), SCHEMA,
	 "F:2: <limits>: unknown attribute \"rate\" (expected sessions, session-rate, "
	 "session-burst, half-open or sessions-per-remote)"},
	{POLICY("<limits><sessions/></limits>"), SCHEMA,
	 "F:2: <sessions>: unknown element in <limits> (expected none)"},
	/* Rules */
	{POLICY("<rule action='allow'/>"), SCHEMA,
	 "F:2: <rule>: attribute \"direction\" is missing (expected in, out or inout)"},
	{POLICY("<rule direction='in'/>"), SCHEMA,
	 "F:2: <rule>: attribute \"action\" is missing (expected allow or deny)"},
	{POLICY("<rule direction='both' action='allow'/>"), SCHEMA,
	 "F:2: <rule>: direction=\"both\" is not known (expected in, out or inout)"},
	{POLICY("<rule direction='in' action='accept'/>"), SCHEMA,
	 "F:2: <rule>: action=\"accept\" is not known (expected allow or deny)"},
	{POLICY("<rule direction='in' action='allow' log='true'/>"), SCHEMA,
	 "F:2: <rule>: log=\"true\" is not known (expected yes or no)"},
	{POLICY("<rule direction='in' action='deny' keep-established='yes'/>"), READER,
	 "F:2: <rule>: keep-established=\"yes\" needs action=\"allow\": a rule that denies allows "
	 "no sessions"},
	{POLICY("<rule direction='in' action='allow' priority='1'/>"), SCHEMA,
	 "F:2: <rule>: unknown attribute \"priority\" (expected id, direction, action, log or "
	 "keep-established)"},
	{POLICY("<rule direction='in' action='allow' id='a b'/>"), SCHEMA,
	 "F:2: <rule>: id=\"a b\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{POLICY("<rule id='a' direction='in' action='allow'/>\n<rule direction='in' "
		"action='deny'/>\n<rule id='a' direction='in' action='allow'/>"),
	 READER, "F:4: <rule>: id=\"a\" is already used by the rule on line 2"},
	{RULE("<udpp/>"), SCHEMA,
	 "F:3: <udpp>: unknown element in <rule> (expected remote, tcp, udp, sctp, udplite, icmp, "
	 "icmpv6 or protocol)"},
	{RULE("text"), SCHEMA, "F:2: <rule>: unexpected text \"text\""},
	/* Remotes */
	{RULE("<remote/>"), SCHEMA,
	 "F:3: <remote>: an attribute is missing (expected cidr, group or set)"},
	{RULE("<remote cidr='10.0.0.0/8' set='s'/>"), SCHEMA,
	 "F:3: <remote>: \"cidr\" and \"set\" cannot be combined (write one <remote> for each "
	 "alternative)"},
	{RULE("<remote cidr='10.0.0.1/8'/>"), READER,
	 "F:3: <remote>: cidr \"10.0.0.1/8\": host bits are set (did you mean 10.0.0.0/8?)"},
	{RULE("<remote cidr='10.0.0/8'/>"), READER,
	 "F:3: <remote>: cidr \"10.0.0/8\": it is neither an IPv4 nor an IPv6 address"},
	{RULE("<remote cidr='10.0.0.0/33'/>"), READER,
	 "F:3: <remote>: cidr \"10.0.0.0/33\": the prefix length must be a number from 0 to 32"},
	{RULE("<remote cidr='2001:db8::/129'/>"), READER,
	 "F:3: <remote>: cidr \"2001:db8::/129\": the prefix length must be a number from 0 to "
	 "128"},
	{RULE("<remote cidr='2001:db8::1/64'/>"), READER,
	 "F:3: <remote>: cidr \"2001:db8::1/64\": host bits are set (did you mean 2001:db8::/64?)"},
	{RULE("<remote cidr='::ffff:10.0.0.1'/>"), READER,
	 "F:3: <remote>: cidr \"::ffff:10.0.0.1\": write the IPv4 address as 10.0.0.1"},
	{RULE("<remote cidr='example.org'/>"), SCHEMA,
	 "F:3: <remote>: cidr \"example.org\": it is neither an IPv4 nor an IPv6 address"},
	{RULE("<remote cidr='10.0.0.0/255.0.0.0'/>"), SCHEMA,
	 "F:3: <remote>: cidr \"10.0.0.0/255.0.0.0\": the prefix length must be a number from 0 to "
	 "32"},
	{RULE("<remote cidr=' 10.0.0.0/8'/>"), SCHEMA,
	 "F:3: <remote>: cidr \" 10.0.0.0/8\": it is neither an IPv4 nor an IPv6 address"},
	{RULE("<remote cidr='10.0.0.0-10.0.0.9'/>"), SCHEMA,
	 "F:3: <remote>: cidr \"10.0.0.0-10.0.0.9\": it is neither an IPv4 nor an IPv6 address"},
	{RULE("<remote group=''/>"), SCHEMA,
	 "F:3: <remote>: group=\"\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{RULE("<remote set='a/b'/>"), SCHEMA,
	 "F:3: <remote>: set=\"a/b\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{RULE("<remote ip='10.0.0.1'/>"), SCHEMA,
	 "F:3: <remote>: unknown attribute \"ip\" (expected cidr, group or set)"},
	{RULE("<remote cidr='10.0.0.0/8'>x</remote>"), SCHEMA,
	 "F:3: <remote>: unexpected text \"x\""},
	{RULE("<remote cidr='10.0.0.0/8'><tcp/></remote>"), SCHEMA,
	 "F:3: <tcp>: unknown element in <remote> (expected none)"},
	/* Services */
	{RULE("<tcp port='http'/>"), SCHEMA,
	 "F:3: <tcp>: port=\"http\" is not a port or a range of ports from 0 to 65535 (expected "
	 "for example 80 or 8000-8080)"},
	{RULE("<tcp port=''/>"), SCHEMA,
	 "F:3: <tcp>: port=\"\" is not a port or a range of ports from 0 to 65535 (expected for "
	 "example 80 or 8000-8080)"},
	{RULE("<tcp port='65536'/>"), READER,
	 "F:3: <tcp>: port=\"65536\" is not a port or a range of ports from 0 to 65535 (expected "
	 "for example 80 or 8000-8080)"},
	{RULE("<tcp port='-1'/>"), SCHEMA,
	 "F:3: <tcp>: port=\"-1\" is not a port or a range of ports from 0 to 65535 (expected for "
	 "example 80 or 8000-8080)"},
	{RULE("<tcp port='80,443'/>"), SCHEMA,
	 "F:3: <tcp>: port=\"80,443\" is not a port or a range of ports from 0 to 65535 (expected "
	 "for example 80 or 8000-8080)"},
	{RULE("<tcp port='80-'/>"), SCHEMA,
	 "F:3: <tcp>: port=\"80-\" is not a port or a range of ports from 0 to 65535 (expected for "
	 "example 80 or 8000-8080)"},
	{RULE("<tcp port='080'/>"), SCHEMA,
	 "F:3: <tcp>: port=\"080\" is not a port or a range of ports from 0 to 65535 (expected for "
	 "example 80 or 8000-8080)"},
	{RULE("<tcp port='90-80'/>"), READER,
	 "F:3: <tcp>: port=\"90-80\" is a reversed range (did you mean 80-90?)"},
	{RULE("<udp source-port='2000-1000'/>"), READER,
	 "F:3: <udp>: source-port=\"2000-1000\" is a reversed range (did you mean 1000-2000?)"},
	{RULE("<tcp ports='80'/>"), SCHEMA,
	 "F:3: <tcp>: unknown attribute \"ports\" (expected port or source-port)"},
	{RULE("<tcp type='1'/>"), SCHEMA,
	 "F:3: <tcp>: unknown attribute \"type\" (expected port or source-port)"},
	{RULE("<tcp><udp/></tcp>"), SCHEMA, "F:3: <udp>: unknown element in <tcp> (expected none)"},
	{RULE("<icmp type='ping'/>"), READER,
	 "F:3: <icmp>: type=\"ping\" is not known (expected a number from 0 to 255, or a name like "
	 "echo-request)"},
	{RULE("<icmp type='nd-redirect'/>"), READER,
	 "F:3: <icmp>: type=\"nd-redirect\" is not known (expected a number from 0 to 255, or a "
	 "name like echo-request)"},
	{RULE("<icmp type='256'/>"), SCHEMA,
	 "F:3: <icmp>: type=\"256\" is not known (expected a number from 0 to 255, or a name like "
	 "echo-request)"},
	{RULE("<icmp code='0'/>"), SCHEMA,
	 "F:3: <icmp>: \"code\" needs a \"type\": the meaning of a code depends on the type"},
	{RULE("<icmp type='3' code='256'/>"), SCHEMA,
	 "F:3: <icmp>: code=\"256\" is not a number from 0 to 255"},
	{RULE("<icmpv6 type='echo-request' code='x'/>"), SCHEMA,
	 "F:3: <icmpv6>: code=\"x\" is not a number from 0 to 255"},
	{RULE("<icmp port='1'/>"), SCHEMA,
	 "F:3: <icmp>: unknown attribute \"port\" (expected type or code)"},
	{RULE("<protocol/>"), SCHEMA, "F:3: <protocol>: attribute \"number\" is missing"},
	{RULE("<protocol number='256'/>"), SCHEMA,
	 "F:3: <protocol>: number=\"256\" is not a number from 0 to 255"},
	{RULE("<protocol number='gre'/>"), SCHEMA,
	 "F:3: <protocol>: number=\"gre\" is not a number from 0 to 255"},
	{RULE("<protocol name='gre'/>"), SCHEMA,
	 "F:3: <protocol>: unknown attribute \"name\" (expected number)"},
	/* Sets */
	{"<set xmlns='urn:vmseg:1'/>", SCHEMA, "F:1: <set>: attribute \"name\" is missing"},
	{SET("<cidr/>"), SCHEMA,
	 "F:2: <cidr>: prefix \"\": it is neither an IPv4 nor an IPv6 address"},
	{SET("<cidr>10.0.0.0/8 10.0.0.1</cidr>"), SCHEMA,
	 "F:2: <cidr>: prefix \"10.0.0.0/8 10.0.0.1\": the prefix length must be a number from 0 "
	 "to 32"},
	{SET("<cidr>10.0.0.1/8</cidr>"), READER,
	 "F:2: <cidr>: prefix \"10.0.0.1/8\": host bits are set (did you mean 10.0.0.0/8?)"},
	{SET("<cidr a='b'>10.0.0.0/8</cidr>"), SCHEMA,
	 "F:2: <cidr>: unknown attribute \"a\" (expected none)"},
	{SET("<cidr><x/></cidr>"), SCHEMA, "F:2: <x>: unknown element in <cidr> (expected none)"},
	{SET("<remote cidr='10.0.0.0/8'/>"), SCHEMA,
	 "F:2: <remote>: unknown element in <set> (expected cidr)"},
	{SET("10.0.0.0/8"), SCHEMA, "F:1: <set>: unexpected text \"10.0.0.0/8\""},
};

static const struct fault domain_faults[] = {
	{"<domain", XML, "D:11: not valid XML: "},
	{"<policy xmlns='urn:vmseg:1' name='p'/>", READER,
	 "D:11: <policy>: it cannot be the root element (expected <domain>)"},
	{"<domain/>", SCHEMA,
	 "D:11: <domain>: it is in no namespace (expected xmlns=\"urn:vmseg:1\")"},
	{"<domain xmlns='urn:vmseg:1' mode='observe'/>", SCHEMA,
	 "D:11: <domain>: mode=\"observe\" is not known (expected enforce or audit)"},
	{"<domain xmlns='urn:vmseg:1' name='web'/>", SCHEMA,
	 "D:11: <domain>: unknown attribute \"name\" (expected mode)"},
	{DOMAIN("<rule direction='in' action='allow'/>"), SCHEMA,
	 "D:12: <rule>: unknown element in <domain> (expected default, guards, limits, policy, "
	 "group or interface)"},
	{DOMAIN("<policy name='p'/>"), SCHEMA,
	 "D:12: <policy>: unknown attribute \"name\" (expected ref)"},
	{DOMAIN("<policy ref='p'>\n<rule direction='in' action='allow'/></policy>"), SCHEMA,
	 "D:12: <policy>: a policy has either ref=\"p\" or content, not both"},
	{DOMAIN("<policy ref='a b'/>"), SCHEMA,
	 "D:12: <policy>: ref=\"a b\" is not a name (expected letters, digits, '.', '_' and '-', "
	 "starting with a letter or digit)"},
	{DOMAIN("<policy ref='p'/>\n<policy ref='p'/>"), READER,
	 "D:13: <policy>: ref=\"p\" is already given on line 12"},
	{DOMAIN("<policy>\n<rule id='x' direction='in'/></policy>"), SCHEMA,
	 "D:13: <rule>: attribute \"action\" is missing (expected allow or deny)"},
	{DOMAIN("<group/>"), SCHEMA, "D:12: <group>: attribute \"name\" is missing"},
	{DOMAIN("<group name='web'/>\n<group name='web'/>"), READER,
	 "D:13: <group>: name=\"web\" is listed twice"},
	{DOMAIN("<group name='web' label='x'/>"), SCHEMA,
	 "D:12: <group>: unknown attribute \"label\" (expected name)"},
	{DOMAIN("<limits sessions='1'/>\n<limits sessions='2'/>"), SCHEMA,
	 "D:13: <limits>: it is already given on line 12"},
	{DOMAIN("<interface/>"), SCHEMA,
	 "D:12: <interface>: attribute \"mac\" is missing (expected the interface's MAC address)"},
	{DOMAIN("<interface mac='52-54-00-00-00-01'/>"), SCHEMA,
	 "D:12: <interface>: mac=\"52-54-00-00-00-01\" is not a unicast MAC address (expected for "
	 "example 52:54:00:12:34:56)"},
	{DOMAIN("<interface mac='33:33:00:00:00:01'/>"), READER,
	 "D:12: <interface>: mac=\"33:33:00:00:00:01\" is not a unicast MAC address (expected for "
	 "example 52:54:00:12:34:56)"},
	{DOMAIN("<interface mac='52:54:00:00:00:01'/>\n<interface mac='52:54:00:00:00:01'/>"),
	 READER, "D:13: <interface>: mac=\"52:54:00:00:00:01\" is already given on line 12"},
	{DOMAIN("<interface mac='52:54:00:00:00:01' name='eth0'/>"), SCHEMA,
	 "D:12: <interface>: unknown attribute \"name\" (expected mac)"},
	{NIC("<group name='web'/>"), SCHEMA,
	 "D:13: <group>: unknown element in <interface> (expected default, guards, limits, address "
	 "or policy)"},
	{NIC("<address/>"), SCHEMA, "D:13: <address>: attribute \"ip\" is missing"},
	{NIC("<address ip='10.0.0.5/24'/>"), READER,
	 "D:13: <address>: ip \"10.0.0.5/24\": host bits are set (did you mean 10.0.0.0/24?)"},
	{NIC("<address ip='0.0.0.0/0'/>"), READER,
	 "D:13: <address>: ip \"0.0.0.0/0\" covers every address (to allow any address, write "
	 "<guards ip=\"off\"/>)"},
	{NIC("<address ip='::/80'/>"), READER,
	 "D:13: <address>: ip \"::/80\" covers every address (to allow any address, write "
	 "<guards ip=\"off\"/>)"},
	{NIC("<address ip='10.0.0.5'/>\n<address ip='10.0.0.5/32'/>"), READER,
	 "D:14: <address>: ip \"10.0.0.5\" is listed twice"},
	{NIC("<address ip='10.0.0.0'/><address ip='10.0.0.1'/><address ip='10.0.0.2'/><address "
	     "ip='10.0.0.3'/><address ip='10.0.0.4'/><address ip='10.0.0.5'/><address "
	     "ip='10.0.0.6'/><address ip='10.0.0.7'/><address ip='10.0.0.8'/><address "
	     "ip='10.0.0.9'/><address ip='10.0.0.10'/><address ip='10.0.0.11'/><address "
	     "ip='10.0.0.12'/><address ip='10.0.0.13'/><address ip='10.0.0.14'/><address "
	     "ip='10.0.0.15'/>\n<address ip='10.0.0.16'/>"),
	 READER, "D:14: <address>: an interface has at most 16 addresses"},
};

/* Texts that are no strings. */
static const struct {
	const char *bytes;
	size_t size;
	const char *message;
} byte_faults[] = {
#define BYTES(literal) literal, sizeof(literal) - 1
	{BYTES(POLICY("\0")), "F:2: there is a NUL byte (expected UTF-8 text)"},
	{BYTES(POLICY("") "\n<!-- -->\0<rule/>"), "F:3: there is a NUL byte (expected UTF-8 text)"},
	/* UTF-16 */
	{BYTES("\xff\xfe<\0p\0/\0>\0"), "F:1: there is a NUL byte (expected UTF-8 text)"},
	{BYTES("\0<\0p\0/\0>"), "F:1: there is a NUL byte (expected UTF-8 text)"},
#undef BYTES
};

/* ---- what is checked ------------------------------------------------------------------------ */

static void free_schema(xmlRelaxNG **schema)
{
	xmlRelaxNGFree(*schema);
}

static xmlRelaxNG *load_schema(void)
{
	xmlRelaxNGParserCtxt *parser = xmlRelaxNGNewParserCtxt("build/vmseg.rng");
	xmlRelaxNG *schema = xmlRelaxNGParse(parser);

	xmlRelaxNGFreeParserCtxt(parser);
	assert_non_null(schema);
	return schema;
}

static void ignore_error(void *data, const char *format, ...)
{
	(void)data;
	(void)format;
}

static bool schema_accepts(xmlRelaxNG *schema, const char *text)
{
	xmlDoc *document = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
	xmlRelaxNGValidCtxt *validator = xmlRelaxNGNewValidCtxt(schema);
	bool accepted;

	assert_non_null(document);
	xmlRelaxNGSetValidErrors(validator, ignore_error, ignore_error, NULL);
	accepted = xmlRelaxNGValidateDoc(validator, document) == 0;
	xmlRelaxNGFreeValidCtxt(validator);
	xmlFreeDoc(document);
	return accepted;
}

static void check_fault(const struct fault *fault, bool is_domain, xmlRelaxNG *schema)
{
	struct domain_policy *domain = NULL;
	struct policy *policy = NULL;
	struct address_set *set = NULL;
	struct diag diag = {0};
	const char *message;
	int r = is_domain ? parse_domain_policy(fault->text, strlen(fault->text), "D", 11, &domain,
						&diag)
			  : parse_policy_text(fault->text, strlen(fault->text), "F", &policy, &set,
					      &diag);

	message = diag_message(&diag);
	if (fault->finder == XML)
		assert_memory_equal(message, fault->message, strlen(fault->message));
	else
		assert_string_equal(message, fault->message);
	assert_int_equal(r, -EINVAL);
	assert_null(domain);
	assert_null(policy);
	assert_null(set);
	clear_diag(&diag);
	if (fault->finder != XML &&
	    schema_accepts(schema, fault->text) != (fault->finder == READER))
		fail_msg("the schema %s this: %s", fault->finder == READER ? "refuses" : "accepts",
			 fault->text);
}

static void bad_policies_and_sets(void **state)
{
	_cleanup_(free_schema) xmlRelaxNG *schema = load_schema();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policy_faults); i++)
		check_fault(&policy_faults[i], false, schema);
}

static void bad_domains(void **state)
{
	_cleanup_(free_schema) xmlRelaxNG *schema = load_schema();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(domain_faults); i++)
		check_fault(&domain_faults[i], true, schema);
}

/* The message of a text that must be refused, with nothing made of it. */
static void expect_refusal(const char *bytes, size_t size, const char *head)
{
	struct policy *policy = NULL;
	struct address_set *set = NULL;
	struct diag diag = {0};
	char buffer[1024];

	assert_int_equal(parse_policy_text(bytes, size, "F", &policy, &set, &diag), -EINVAL);
	assert_null(policy);
	assert_null(set);
	snprintf(buffer, strlen(head) + 1, "%s", diag_message(&diag));
	assert_string_equal(buffer, head);
	clear_diag(&diag);
}

static void texts_that_are_no_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(byte_faults); i++)
		expect_refusal(byte_faults[i].bytes, byte_faults[i].size, byte_faults[i].message);
}

/* `head`, then `part` as often as it fits in what a policy may be long. */
static char *repeat(const char *head, const char *part, size_t *ret_size)
{
	size_t size = strlen(head), step = strlen(part);
	char *text = malloc(POLICY_FILE_MAX);

	assert_non_null(text);
	memcpy(text, head, size);
	for (; size + step <= POLICY_FILE_MAX; size += step)
		memcpy(text + size, part, step);
	*ret_size = size;
	return text;
}

/* What costs a reader that calls itself for each level its stack, or time by the square. */
static void towers_of_elements(void **state)
{
	static const char head[] = "<policy xmlns='urn:vmseg:1' name='p'>\n";
	static const struct {
		const char *head, *part, *message;
	} towers[] = {
		{head, "<rule>", "F:2: there are too many levels of nested elements (at most 256)"},
		{head, "<x:a xmlns:x='u'>", "F:2: there are too many namespaces (at most 64)"},
		{"<policy", " a=''",
		 "F:1: there are too many attributes of one element (at most 128)"},
		{"<policy xmlns='urn:vmseg:1' name='", "a", "F:1: not valid XML: "},
		{"", "<", "F:1: not valid XML: "},
		{"<!DOCTYPE p [", "<!ENTITY a 'b'>",
		 "F:1: a document type declaration (<!DOCTYPE>) is not accepted"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(towers); i++) {
		size_t size;
		_cleanup_free_ char *text = repeat(towers[i].head, towers[i].part, &size);

		expect_refusal(text, size, towers[i].message);
	}
}

static void print_item(FILE *stream, const char *name, size_t number)
{
	if (strcmp(name, "policy") == 0)
		fprintf(stream, "<policy ref='p%zu'/>\n", number);
	else if (strcmp(name, "group") == 0)
		fprintf(stream, "<group name='g%zu'/>\n", number);
	else
		fprintf(stream, "<interface mac='52:54:00:00:%02zx:%02zx'/>\n", number >> 8,
			number & 0xff);
}

/* message NULL: so many are taken. */
static void expect_list(const char *name, size_t count, const char *message)
{
	_cleanup_(free_domain_policy) struct domain_policy *domain = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	int r;

	assert_non_null(stream);
	fputs("<domain xmlns='urn:vmseg:1'>\n", stream);
	for (size_t i = 0; i < count; i++)
		print_item(stream, name, i);
	fputs("</domain>", stream);
	assert_int_equal(fclose(stream), 0);
	r = parse_domain_policy(text, size, "D", 1, &domain, &diag);
	assert_string_equal(diag_message(&diag), message ? message : "");
	assert_int_equal(r, message ? -EINVAL : 0);
}

/* Each item is compared with all before it. */
static void lists_have_an_end(void **state)
{
	(void)state;
	expect_list("policy", 1024, NULL);
	expect_list("policy", 1025,
		    "D:1026: <policy>: there are more than 1024 of these elements in one list");
	expect_list("group", 1024, NULL);
	expect_list("group", 1025,
		    "D:1026: <group>: there are more than 1024 of these elements in one list");
	expect_list("interface", 1024, NULL);
	expect_list("interface", 1025,
		    "D:1026: <interface>: there are more than 1024 of these elements in one list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_policies_and_sets),     cmocka_unit_test(bad_domains),
		cmocka_unit_test(texts_that_are_no_strings), cmocka_unit_test(towers_of_elements),
		cmocka_unit_test(lists_have_an_end),
	};

	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
