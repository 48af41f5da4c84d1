/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every form in which libvirt gives a domain a network interface that the host cannot filter. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/domain/domain.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/domain/host_device.h"
#include "hostd/domain/qemu_arguments.h"
#include "tests/harness/test.h"

/* ---- a sysfs of our own --------------------------------------------------------------------- */

static char directory[] = "/tmp/test_unfilterable.XXXXXX";

/* The folders above it are made, too. */
static void write_sysfs(const char *name, const char *text)
{
	char path[256];
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	for (char *slash = path + strlen(directory) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	stream = fopen(path, "w");
	assert_non_null(stream);
	assert_true(fputs(text, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static void write_pci(const char *address, const char *class)
{
	char path[128];

	snprintf(path, sizeof(path), "bus/pci/devices/%s/class", address);
	write_sysfs(path, class);
}

static void write_usb(const char *port, const char *vendor, const char *product, const char *number,
		      const char *class, const char *subclass, const char *protocol)
{
	const struct {
		const char *file, *text;
	} files[] = {{"idVendor", vendor},
		     {"idProduct", product},
		     {"busnum", "1\n"},
		     {"devnum", number},
		     {"if:1.0/bInterfaceClass", class},
		     {"if:1.0/bInterfaceSubClass", subclass},
		     {"if:1.0/bInterfaceProtocol", protocol}};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[128];

		snprintf(path, sizeof(path), "bus/usb/devices/%s/%s", port, files[i].file);
		write_sysfs(path, files[i].text);
	}
}

static int make_sysfs(void **state)
{
	char link[128];

	(void)state;
	assert_non_null(mkdtemp(directory));
	write_pci("0000:06:12.5", "0x020000\n");
	write_pci("0001:07:00.0", "0x028000\n");
	write_pci("0000:0a:00.0", "0x0c0600\n");
	write_pci("0000:01:00.0", "0x030000\n"); /* a graphics card */
	write_usb("1-1", "0bda\n", "8153\n", "3\n", "ff\n", "ff\n", "00\n");
	write_usb("1-2", "1d6b\n", "0104\n", "4\n", "02\n", "06\n", "00\n");
	write_usb("1-3", "0781\n", "5581\n", "5\n", "08\n", "06\n", "50\n"); /* a disk */
	write_usb("1-4", "1234\n", "0001\n", "6\n", "ff\n", "00\n", "00\n");
	write_sysfs("bus/usb/devices/1-4/if:1.0/net/eth7/address", "52:54:00:00:00:07\n");
	write_usb("1-5", "0e8d\n", "2004\n", "7\n", "e0\n", "01\n", "03\n");
	write_usb("1-6", "0a12\n", "0001\n", "8\n", "e0\n", "01\n", "01\n"); /* Bluetooth */
	write_sysfs("devices/card/class", "0x020000\n");
	write_sysfs("devices/card/aaaa/name", "");
	write_sysfs("devices/graphics/class", "0x030000\n");
	write_sysfs("devices/graphics/bbbb/name", "");
	write_sysfs("bus/mdev/devices/none", "");
	snprintf(link, sizeof(link), "%s/bus/mdev/devices/aaaa", directory);
	assert_int_equal(symlink("../../../devices/card/aaaa", link), 0);
	snprintf(link, sizeof(link), "%s/bus/mdev/devices/bbbb", directory);
	assert_int_equal(symlink("../../../devices/graphics/bbbb", link), 0);
	set_sysfs_path(directory);
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	return remove(path);
}

static int remove_sysfs(void **state)
{
	(void)state;
	set_sysfs_path(NULL);
	return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- domains -------------------------------------------------------------------------------- */

#define DOMAIN(type, before, devices, behind)                                                      \
	"<domain type='" type "'" before "><name>web</name>"                                       \
	"<uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid>\n<devices>" devices "</devices>" behind \
	"</domain>"
#define KVM(devices) DOMAIN("kvm", "", devices, "")
#define MAC          "<mac address='52:54:00:00:00:01'/>"
#define NIC(type)    "<interface type='" type "'>" MAC "</interface>"
#define TAP          NIC("bridge")
#define HOSTDEV(type, source)                                                                      \
	"<hostdev mode='subsystem' type='" type "' managed='yes'><source>" source                  \
	"</source></hostdev>"
#define PCI(domain, bus, slot, function)                                                           \
	HOSTDEV("pci", "<address domain='" domain "' bus='" bus "' slot='" slot                    \
		       "' function='" function "'/>")
#define USB_ID(vendor, product)                                                                    \
	HOSTDEV("usb", "<vendor id='" vendor "'/><product id='" product "'/>")
#define USB_AT(device) HOSTDEV("usb", "<address bus='1' device='" device "'/>")
#define MDEV(uuid)     HOSTDEV("mdev", "<address uuid='" uuid "'/>")
#define QEMU(arguments)                                                                            \
	DOMAIN("kvm", " xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'", TAP,                \
	       "\n<q:commandline>" arguments "</q:commandline>")
#define ARG(value) "<q:arg value='" value "'/>"
#define LXC(devices, behind)                                                                       \
	DOMAIN("lxc", " xmlns:l='http://libvirt.org/schemas/domain/lxc/1.0'", devices, behind)

#define HAS_TYPE(type)                                                                             \
	"has type '" type                                                                          \
	"', which cannot be filtered on the host: expected bridge, network, ethernet "             \
	"or direct"
#define DRIVES "is a network card that the domain uses directly, without the host's network stack"
#define TEAM                                                                                       \
	"; it is the transient interface of a team, and its packets bypass the interface that is " \
	"filtered"

static struct domain *read_domain(const char *xml)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain *domain = NULL;

	if (parse_domain(xml, strlen(xml), &domain, &diag) < 0)
		fail_msg("%s", diag_message(&diag));
	return domain;
}

static const struct {
	const char *xml, *kind, *name, *reason;
} found[] = {
	{KVM(NIC("user")), "user", "interface 52:54:00:00:00:01", HAS_TYPE("user")},
	{KVM(NIC("vdpa")), "vdpa", "interface 52:54:00:00:00:01", HAS_TYPE("vdpa")},
	{KVM(NIC("hostdev")), "hostdev", "interface 52:54:00:00:00:01", HAS_TYPE("hostdev")},
	{KVM(NIC("whatever")), "whatever", "interface 52:54:00:00:00:01", HAS_TYPE("whatever")},
	{KVM("<interface type='network'>" MAC "<actual type='hostdev'/></interface>"), "hostdev",
	 "interface 52:54:00:00:00:01", HAS_TYPE("hostdev")},
	{KVM(TAP "<interface type='hostdev'>" MAC "<teaming type='transient' persistent='ua-a'/>"
		 "</interface>"),
	 "hostdev", "interface 52:54:00:00:00:01", HAS_TYPE("hostdev") TEAM},
	{KVM(PCI("0x0000", "0x06", "0x12", "0x5")), "pci", "PCI device 0000:06:12.5", DRIVES},
	{KVM(PCI("1", "7", "0", "0")), "pci", "PCI device 0001:07:00.0", DRIVES},
	{KVM(PCI("0x0000", "0x0a", "0x00", "0x0")), "pci", "PCI device 0000:0a:00.0", DRIVES},
	{KVM(PCI("0x0000", "0x0f", "0x00", "0x0")), "pci", "PCI device 0000:0f:00.0",
	 "may be a network card: the kernel does not report its class"},
	{KVM("<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x06' "
	     "slot='0x12' function='0x5'/></source><teaming type='transient' persistent='ua-a'/>"
	     "</hostdev>"),
	 "pci", "PCI device 0000:06:12.5", DRIVES TEAM},
	{KVM(USB_ID("0x0bda", "0x8153")), "usb", "USB device 0bda:8153", DRIVES},
	{KVM(USB_ID("0x0b95", "0x1790")), "usb", "USB device 0b95:1790", DRIVES},
	{KVM(USB_ID("0x1d6b", "0x0104")), "usb", "USB device 1d6b:0104", DRIVES},
	{KVM(USB_AT("3")), "usb", "USB device 3 of bus 1", DRIVES},
	{KVM(USB_AT("4")), "usb", "USB device 4 of bus 1", DRIVES},
	{KVM(USB_AT("6")), "usb", "USB device 6 of bus 1", DRIVES},
	{KVM(USB_AT("7")), "usb", "USB device 7 of bus 1", DRIVES},
	{KVM(MDEV("aaaa")), "mdev", "mediated device aaaa", DRIVES},
	{LXC("<hostdev mode='capabilities' type='net'><source><interface>eth1</interface></source>"
	     "</hostdev>",
	     ""),
	 "device", "network device eth1",
	 "is moved into the container, where it cannot be filtered"},
	{LXC("", ""), "host-network", "the host's own network",
	 "is used by a container without interfaces and without <privnet/>"},
	{LXC(TAP, "<l:namespace><l:sharenet type='name' value='other'/></l:namespace>"), "network",
	 "shared network namespace other",
	 "belongs to a process or container whose interfaces this container uses"},
	{QEMU(ARG("-device") ARG("vfio-pci,host=06:12.5")), "command-line",
	 "argument -device vfio-pci,host=06:12.5",
	 "creates or changes a network interface without libvirt's knowledge, or may do so"},
};

static void each_form_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
		_cleanup_(free_domain) struct domain *domain = read_domain(found[i].xml);

		if (domain->unfilterable_count != 1)
			fail_msg("%zu found in %s", domain->unfilterable_count, found[i].xml);
		assert_string_equal(domain->unfilterable[0].kind, found[i].kind);
		assert_string_equal(domain->unfilterable[0].name, found[i].name);
		assert_string_equal(domain->unfilterable[0].reason, found[i].reason);
		assert_int_equal(domain->unfilterable[0].line,
				 strcmp(found[i].kind, "command-line") == 0   ? 3
				 : strcmp(found[i].kind, "host-network") == 0 ? 1
									      : 2);
	}
}

/* All that libvirt's schema has for <interface> and TC does not see. */
static void every_type_of_interface_is_found(void **state)
{
	static const char xml[] =
		KVM(TAP NIC("network") NIC("ethernet") NIC("direct") NIC("user") NIC("vhostuser")
			    NIC("vdpa") NIC("vds") NIC("udp") NIC("mcast") NIC("server")
				    NIC("client") NIC("internal") NIC("null") NIC("hostdev"));
	static const char *const kinds[] = {"user",     "vhostuser", "vdpa",   "vds",
					    "udp",      "mcast",     "server", "client",
					    "internal", "null",      "hostdev"};
	_cleanup_(free_domain) struct domain *domain = read_domain(xml);

	(void)state;
	assert_int_equal(domain->interface_count, 15);
	assert_int_equal(domain->unfilterable_count, ARRAY_SIZE(kinds));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_string_equal(domain->unfilterable[i].kind, kinds[i]);
}

static void what_is_no_network_card_is_passed_over(void **state)
{
	static const char *const harmless[] = {
		KVM(PCI("0x0000", "0x01", "0x00", "0x0")),
		KVM(USB_ID("0x0781", "0x5581")),
		KVM(USB_AT("5")),
		KVM(USB_AT("8")),
		KVM(USB_ID("0x1111", "0x2222")), /* not plugged in */
		KVM(MDEV("bbbb")),
		KVM(MDEV("none")),
		KVM(HOSTDEV("scsi", "<adapter name='scsi_host0'/>")),
		KVM("<interface type='bridge'>" MAC "<teaming type='persistent'/></interface>"),
		LXC(TAP, ""),
		LXC("", "<features><privnet/></features>"),
		LXC(TAP "<hostdev mode='capabilities' type='misc'><source><char>/dev/x</char>"
			"</source></hostdev>",
		    ""),
		QEMU(ARG("-device") ARG("vfio-pci,host=0000:01:00.0,x-vga=on")),
		QEMU(ARG("-cpu") ARG("host,-netdev")),
		/* Not in QEMU's namespace. */
		KVM("") "<!-- <q:arg value='-netdev'/> -->",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		_cleanup_(free_domain) struct domain *domain = read_domain(harmless[i]);

		if (domain->unfilterable_count != 0)
			fail_msg("%s in %s", domain->unfilterable[0].name, harmless[i]);
	}
}

static void arguments_of_qemu(void **state)
{
	static const struct {
		const char *option, *argument;
		bool expected;
	} cases[] = {
		{"-netdev", "tap,id=n1,ifname=raw0,script=no", true},
		{"--netdev", "user,id=n1", true},
		{"-nic", "bridge", true},
		{"-nic", "none", false},
		{"-net", "nic,model=e1000", true},
		{"-net", "none", false},
		{"-device", "virtio-net-pci,netdev=n1", true},
		{"-device", "driver=e1000e", true},
		{"-device", "id=a,driver=rtl8139", true},
		{"-device", "{\"driver\": \"virtio-net-pci\",\"netdev\":\"n1\"}", true},
		{"-device", "{\"netdev\":\"n1\", \"driver\":\"new-card\"}", true},
		{"-device", "{\"driver\":\"virtio-rng-pci\"}", false},
		{"-device", "some-card,netdev=n1", true},
		{"-device", "{\"id\":\"driver\",\"driver\":\"virtio-net-pci\"}", true},
		{"-device", "{\"driver\":\"virtio-\\u006eet-pci\"}", true},
		{"-device", "{\"driver\":\"virtio-rng-pci\",\"driver\":\"e1000\"}", true},
		{"-device", "pci-testdev,driver=pci-testdev,driver=e1000", true},
		{"-device", "driver=e1000,driver=pci-testdev", false},
		{"-device", "{'driver':'vfio-pci','host':'0000:06:12.5'}", true},
		{"-device", "{\"driver\":", true},
		{"-device", "pci-testdev,driver=e1000", true},
		{"-device", "usb-net", true},
		{"-device", "virtio-rng-pci", false},
		{"-device", "virtio-blk-pci,drive=netdev", false},
		{"-device", "vhost-vdpa-device-pci,vhostdev=/dev/vhost-vdpa-0", true},
		{"-device", "vfio-pci,host=0000:06:12.5", true},
		{"-device", "vfio-pci-nohotplug,sysfsdev=/sys/bus/pci/devices/0000:01:00.0", false},
		{"-device", "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:06:12.5", true},
		{"-device", "vfio-pci,sysfsdev=/sys/bus/mdev/devices/bbbb", false},
		{"-device", "vfio-pci", true},
		{"-device", "{\"driver\":\"vfio-pci\",\"host\":\"0000:01:00.0\"}", false},
		{"-device", "vfio-pci,host=nonsense", true},
		{"-device", "usb-host,vendorid=0x0bda,productid=0x8153", true},
		{"-device", "usb-host,hostbus=1,hostaddr=5", false},
		{"-device", "usb-host,hostbus=1,hostaddr=4", true},
		{"-device", "", false},
		{"-object", "filter-redirector,id=f,netdev=hostnet0,outdev=c", true},
		{"-object", "qom-type=filter-mirror,id=f,netdev=hostnet0,outdev=c", true},
		{"-object", "{\"qom-type\":\"filter-mirror\",\"id\":\"f\"}", true},
		{"-object", "rng-random,id=filter-a", false},
		{"-set", "device.net0.mac=52:54:00:00:00:99", true},
		{"-set", "drive.disk0.readonly=on", false},
		{"-readconfig", "/etc/qemu/extra.cfg", true},
		{"-qmp", "unix:/run/web.qmp,server=on,wait=off", true},
		{"--qmp-pretty", "tcp:127.0.0.1:4444,server=on", true},
		{"-monitor", "stdio", true},
		{"-monitor", "none", false},
		{"-mon", "chardev=mine,mode=control", true},
		{"-smbios", "type=1,serial=-netdev", false},
		{"netdev", "user", false},
		{"", "", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (makes_network_interface(cases[i].option, cases[i].argument) !=
		    cases[i].expected)
			fail_msg("%s %s", cases[i].option, cases[i].argument);
	}
}

static void pci_addresses(void **state)
{
	struct pci_address address;
	char text[PCI_TEXT_BYTES];

	(void)state;
	assert_true(parse_pci_address("06:12.5", &address));
	assert_string_equal(format_pci_address(&address, text), "0000:06:12.5");
	assert_true(parse_pci_address("10000:ff:1f.7", &address));
	assert_string_equal(format_pci_address(&address, text), "10000:ff:1f.7");
	assert_false(parse_pci_address("06:12", &address));
	assert_false(parse_pci_address("06:12.5x", &address));
	assert_false(parse_pci_address("", &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_found),
		cmocka_unit_test(every_type_of_interface_is_found),
		cmocka_unit_test(what_is_no_network_card_is_passed_over),
		cmocka_unit_test(arguments_of_qemu),
		cmocka_unit_test(pci_addresses),
	};

	return cmocka_run_group_tests(tests, make_sysfs, remove_sysfs);
}
